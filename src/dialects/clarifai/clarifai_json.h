// SPDX-License-Identifier: Apache-2.0
// Clarifai's messages as the JSON of its REST API: names as in the .proto, statuses as numbers.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "service/http_message.h"

namespace nestvec {

// Reads a body into `message`; members that it does not know are ignored. Throws Error
// kInvalidArgument saying where the body is wrong: no JSON object, a value of a wrong type, nested
// too deeply (about thirty levels of a Struct).
void read_message(const HttpRequest& request, google::protobuf::Message* message);

// Throws Error kInternal.
std::string write_message(const google::protobuf::Message& message);

}  // namespace nestvec
