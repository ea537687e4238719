// SPDX-License-Identifier: Apache-2.0
// The form of errors that Ollama and Weaviate's inference containers share.
#pragma once

#include "service/router.h"

namespace nestvec {

// {"error": "what is wrong"}, with the status of the error.
const ErrorStyle& plain_errors();

}  // namespace nestvec
