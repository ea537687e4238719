// SPDX-License-Identifier: Apache-2.0
// What a server says while its model is being loaded.
#pragma once

#include "service/http_message.h"

namespace nestvec {

// /health is answered as ever: the process lives. All else is 503 with a time to come again.
HttpResponse answer_while_loading(const HttpRequest& request);

}  // namespace nestvec
