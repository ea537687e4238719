// SPDX-License-Identifier: Apache-2.0
// Keys of `server:` that say what requests may ask for, as part of the table in config/fields.h.
#pragma once

#include "config/field.h"

namespace nestvec {

// Part of visit_server_fields.
template <typename Section, typename Visitor>
void visit_request_fields(Section& server, Visitor& visit) {
  visit(Field{"server", "path_prefix", "path-prefix", FieldKind::kText,
              "Path under which a proxy forwards requests, such as /nestvec. Requests are answered "
              "with and without it."},
        server.path_prefix);
  visit(
      Field{"server", "strict_model", "strict-model", FieldKind::kSwitch,
            "Refuse requests that name another model, with status 404. By default a model that is "
            "served alone has any name, and the response names it."},
      server.strict_model);
  visit(Field{"server",
              "overlong",
              "overlong",
              FieldKind::kChoice,
              "What to do with a text over the model's limit if the request does not say: truncate "
              "its end, or refuse the request.",
              {"truncate", "refuse"}},
        server.overlong);
  visit(Field{"server",
              "overlong_status",
              "overlong-status",
              FieldKind::kChoice,
              "Status of a request that is refused because a text is over the model's limit: "
              "dialect = 422 on the routes of text-embeddings-inference, 400 on the others. "
              "Elasticsearch retries with a shorter text on 413.",
              {"dialect", "400", "413", "422"}},
        server.overlong_status);
}

}  // namespace nestvec
