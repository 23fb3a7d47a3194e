/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/net/igmp and igmp6: the multicast groups that a network namespace is in, by interface. Source:
 * net/ipv4/igmp.c, net/ipv6/mcast.c.
 *
 * The one rule: igmp has a line for an interface and then one for each of its groups, so that *@interface is
 * carried from call to call; lines that are neither are skipped.
 */
#pragma once

#include "procfs/scan.h"

/* The next group, as it stands in a packet; false at the end. */
bool igmp_next(struct scan *text, uint32_t *interface, uint8_t group[4]);
bool igmp6_next(struct scan *text, uint32_t *interface, uint8_t group[16]);
