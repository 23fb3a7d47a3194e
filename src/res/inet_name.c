/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of sockets: compared, shown, looked up. IPv4 is the same address however it is written. */
#include "base/owned.h"
#include "base/text.h"
#include "res/inet.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

struct inet_end inet_end_of(const union inet_name *name)
{
	struct inet_end e = { .port = inet_name_port(name) };

	if (name->any.sa_family == AF_INET) {
		e.addr[10] = e.addr[11] = 0xff;
		memcpy(e.addr + 12, &name->v4.sin_addr, 4);
	} else {
		memcpy(e.addr, &name->v6.sin6_addr, 16);
	}
	return e;
}

bool inet_end_equal(const struct inet_end *a, const struct inet_end *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool inet_end_is_v4(const struct inet_end *e)
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)e->addr);
}

bool inet_end_is_any(const struct inet_end *e)
{
	static const uint8_t none[16];

	return !memcmp(e->addr + 12, none, 4) && (inet_end_is_v4(e) || !memcmp(e->addr, none, 16));
}

uint16_t inet_name_port(const union inet_name *name)
{
	return ntohs(name->any.sa_family == AF_INET ? name->v4.sin_port : name->v6.sin6_port);
}

const char *inet_name_text(char *text, const union inet_name *name)
{
	struct inet_end e = inet_end_of(name);
	char addr[INET6_ADDRSTRLEN] = "?";

	if (inet_end_is_v4(&e))
		inet_ntop(AF_INET, e.addr + 12, addr, sizeof(addr));
	else
		inet_ntop(AF_INET6, e.addr, addr, sizeof(addr));
	text_format(text, INET_TEXT_MAX, inet_end_is_v4(&e) ? "%s:%u" : "[%s]:%u", addr, e.port);
	return text;
}

socklen_t inet_end_name(union inet_name *name, const struct inet_end *e, int domain)
{
	*name = (union inet_name){ .bytes = { 0 } };
	name->any.sa_family = (sa_family_t)domain;
	if (domain == AF_INET) {
		name->v4.sin_port = htons(e->port);
		memcpy(&name->v4.sin_addr, e->addr + 12, 4);
		return sizeof(name->v4);
	}
	name->v6.sin6_port = htons(e->port);
	memcpy(&name->v6.sin6_addr, e->addr, 16);
	return sizeof(name->v6);
}

void inet_bind_freely(int fd, const struct img_file *f)
{
	uint64_t role = f->arg[INET_ARG_ROLE];
	int one = 1;

	if (!f->arg[INET_ARG_PEER] || (role != INET_FRESH && role != INET_LISTENING))
		return;
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, INET_IPV6_FREEBIND, &one,
		   sizeof(one)); /* a raw one's only way */
}

bool inet_end_is_local(const struct inet_end *e)
{
	struct inet_end any_port = *e;
	int domain = inet_end_is_v4(e) ? AF_INET : AF_INET6;
	OWNED_FD int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union inet_name name;
	socklen_t len;

	any_port.port = 0;
	len = inet_end_name(&name, &any_port, domain);
	return fd >= 0 && bind(fd, &name.any, len) == 0;
}
