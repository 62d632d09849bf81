/* What the admin API tells about the server: health, version, change log. */
#ifndef ADMIN_ADMIN_INFO_H
#define ADMIN_ADMIN_INFO_H

struct admin_request;

void admin_info_root(struct admin_request *rq);
void admin_info_healthz(struct admin_request *rq);
void admin_info_health(struct admin_request *rq);
void admin_info_readyz(struct admin_request *rq);

/* /metrics: 404 when they are turned off. */
void admin_info_metrics(struct admin_request *rq);

/* /changelog: how many changes, their hash, the last one's id. */
void admin_info_changelog(struct admin_request *rq);

/* /api/v1/changelog: the entries, newest first. */
void admin_info_changelog_list(struct admin_request *rq);

#endif
