/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multicast groups that UDP sockets are in. The kernel does not list them, but tells of one that is asked
 * for; those that anybody here is in stand in /proc/net. Among the records of options they are Cairn's own:
 * a group, and behind it the sources that it is limited to or does without.
 */
#include "base/owned.h"
#include "host/proc.h"
#include "procfs/igmp.h"
#include "res/inet.h"

#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS_SOURCES = 64 }; /* asked for at first */

struct inet_group { /* on disk */
	uint32_t mode; /* MCAST_INCLUDE, MCAST_EXCLUDE */
	uint32_t level; /* IPPROTO_IP, IPPROTO_IPV6 */
	char interface[IF_NAMESIZE];
	uint8_t group[16]; /* as in a packet, 4 or 16 bytes */
};
_Static_assert(sizeof(struct inet_group) == 40, "on disk");

struct inet_joined { /* what somebody here is in */
	uint32_t interface, level;
	uint8_t group[16];
};

static int groups_add(struct inet_joins *all, const struct inet_joined *one)
{
	struct inet_joined *more = realloc(all->at, (all->n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	all->at = more;
	all->at[all->n++] = *one;
	return 0;
}

static int groups_list(struct inet_joins *all, bool six)
{
	struct inet_joined one = { .level = six ? IPPROTO_IPV6 : IPPROTO_IP };
	OWNED_PTR char *text = NULL;
	struct scan scan;
	size_t len = 0;
	int rc = 0;

	if (proc_read(getpid(), six ? "net/igmp6" : "net/igmp", &text, &len, NULL) < 0)
		return 0; /* no such protocol here */
	scan = scan_over(text, len);
	while (rc >= 0 && (six ? igmp6_next : igmp_next)(&scan, &one.interface, one.group))
		rc = groups_add(all, &one);
	return rc;
}

int inet_groups_look(struct inet_joins *all, struct err *err)
{
	if (groups_list(all, false) < 0 || groups_list(all, true) < 0)
		return err_set(err, ENOMEM, "list multicast groups");
	return 0;
}

void inet_groups_done(struct inet_joins *all)
{
	free(all->at);
	*all = (struct inet_joins){ .n = 0 };
}

/* The address of @group, of @level; of a source as well. */
static void groups_name(struct sockaddr_storage *name, uint32_t level, const uint8_t *group)
{
	union inet_name n = { .bytes = { 0 } };

	n.any.sa_family = level == IPPROTO_IPV6 ? AF_INET6 : AF_INET;
	if (level == IPPROTO_IPV6)
		memcpy(&n.v6.sin6_addr, group, 16);
	else
		memcpy(&n.v4.sin_addr, group, 4);
	memset(name, 0, sizeof(*name));
	memcpy(name, &n, sizeof(n));
}

static int groups_put(struct model *pool, int32_t name, const void *value, uint32_t len,
		      struct err *err)
{
	struct inet_option record = { .level = INET_OWN, .name = name, .len = len };
	int rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &record, sizeof(record));

	if (rc >= 0)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, value, len);
	return rc < 0 ? err_set(err, rc, "keep a socket's multicast groups") : 0;
}

static int groups_put_one(struct model *pool, const struct inet_joined *joined,
			  const struct group_filter *filter, struct err *err)
{
	struct inet_group g = { .mode = filter->gf_fmode, .level = joined->level };
	uint8_t source[16] = { 0 };
	int rc;

	memcpy(g.group, joined->group, sizeof(g.group));
	if_indextoname(joined->interface, g.interface);
	rc = groups_put(pool, INET_OWN_GROUP, &g, sizeof(g), err);
	for (uint32_t i = 0; rc >= 0 && i < filter->gf_numsrc; i++) {
		union inet_name n;

		memcpy(&n, &filter->gf_slist[i], sizeof(n));
		if (joined->level == IPPROTO_IPV6)
			memcpy(source, &n.v6.sin6_addr, 16);
		else
			memcpy(source, &n.v4.sin_addr, 4);
		rc = groups_put(pool, INET_OWN_SOURCE, source, sizeof(source), err);
	}
	return rc;
}

/* The filter of the group; it says how many sources there are, of which @room are given. NULL: not in it. */
static struct group_filter *groups_ask(int fd, const struct inet_joined *joined, uint32_t room)
{
	socklen_t len = (socklen_t)GROUP_FILTER_SIZE(room);
	struct group_filter *filter = calloc(1, len);

	if (!filter)
		return NULL;
	filter->gf_interface = joined->interface;
	filter->gf_numsrc = room;
	groups_name(&filter->gf_group, joined->level, joined->group);
	if (getsockopt(fd, (int)joined->level, MCAST_MSFILTER, filter, &len) == 0)
		return filter;
	free(filter);
	return NULL;
}

int inet_groups_get(const struct inet_joins *all, int fd, struct model *pool, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < all->n; i++) {
		struct group_filter *filter = groups_ask(fd, &all->at[i], GROUPS_SOURCES);

		if (filter && filter->gf_numsrc > GROUPS_SOURCES) {
			uint32_t more = filter->gf_numsrc;

			free(filter);
			filter = groups_ask(fd, &all->at[i], more);
		}
		if (filter)
			rc = groups_put_one(pool, &all->at[i], filter, err);
		free(filter);
	}
	return rc;
}

/* Where that interface is not, the one that the system would choose. */
static int groups_join(int fd, const struct inet_group *g)
{
	struct group_req req = { .gr_interface = if_nametoindex(g->interface) };

	groups_name(&req.gr_group, g->level, g->group);
	return setsockopt(fd, (int)g->level, MCAST_JOIN_GROUP, &req, sizeof(req)) < 0 ? -errno : 0;
}

static int groups_source(int fd, const struct inet_group *g, const uint8_t *source)
{
	struct group_source_req req = { .gsr_interface = if_nametoindex(g->interface) };
	int how = g->mode == MCAST_INCLUDE ? MCAST_JOIN_SOURCE_GROUP : MCAST_BLOCK_SOURCE;

	groups_name(&req.gsr_group, g->level, g->group);
	groups_name(&req.gsr_source, g->level, source);
	return setsockopt(fd, (int)g->level, how, &req, sizeof(req)) < 0 ? -errno : 0;
}

static int groups_say(const struct inet_group *g, int rc, struct err *err)
{
	struct sockaddr_storage name;
	union inet_name n;
	char text[INET_TEXT_MAX];

	if (rc >= 0)
		return 0;
	groups_name(&name, g->level, g->group);
	memcpy(&n, &name, sizeof(n));
	return err_set(err, rc, "join the multicast group %s on interface '%s' again",
		       inet_name_text(text, &n), g->interface);
}

int inet_groups_join(int fd, const void *records, size_t len, struct err *err)
{
	struct inet_group g = { .level = 0 };
	const uint8_t *at = records, *value;
	const uint8_t *end = at + len;
	struct inet_option o;
	bool named = false;
	int rc = 0;

	while (rc >= 0 && inet_option_next(&at, end, &o, &value)) {
		if (o.level != INET_OWN)
			continue;
		if (o.name == INET_OWN_GROUP && o.len == sizeof(g)) {
			memcpy(&g, value, sizeof(g));
			g.interface[IF_NAMESIZE - 1] = '\0';
			named = true;
			if (g.mode == MCAST_EXCLUDE)
				rc = groups_join(fd, &g);
		} else if (o.name == INET_OWN_SOURCE && o.len == 16 && named) {
			rc = groups_source(fd, &g, value);
		}
	}
	return groups_say(&g, rc, err);
}

void inet_groups_leave(int fd, const void *records, size_t len)
{
	const uint8_t *at = records, *value;
	const uint8_t *end = at + len;
	struct inet_option o;
	struct inet_group g;

	while (inet_option_next(&at, end, &o, &value)) {
		struct group_req req = { .gr_interface = 0 };

		if (o.level != INET_OWN || o.name != INET_OWN_GROUP || o.len != sizeof(g))
			continue;
		memcpy(&g, value, sizeof(g));
		g.interface[IF_NAMESIZE - 1] = '\0';
		req.gr_interface = if_nametoindex(g.interface);
		groups_name(&req.gr_group, g.level, g.group);
		setsockopt(fd, (int)g.level, MCAST_LEAVE_GROUP, &req, sizeof(req));
	}
}

unsigned int inet_groups_interface(const void *records, size_t len, const union inet_name *group)
{
	const uint8_t *at = records, *value;
	const uint8_t *end = at + len;
	struct sockaddr_storage name;
	struct inet_end want = inet_end_of(group), have;
	union inet_name n;
	struct inet_option o;
	struct inet_group g;

	want.port = 0;
	while (inet_option_next(&at, end, &o, &value)) {
		if (o.level != INET_OWN || o.name != INET_OWN_GROUP || o.len != sizeof(g))
			continue;
		memcpy(&g, value, sizeof(g));
		g.interface[IF_NAMESIZE - 1] = '\0';
		groups_name(&name, g.level, g.group);
		memcpy(&n, &name, sizeof(n));
		have = inet_end_of(&n);
		if (inet_end_equal(&have, &want))
			return if_nametoindex(g.interface);
	}
	return 0;
}
