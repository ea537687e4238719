// SPDX-License-Identifier: Apache-2.0
#include "api/dialects.h"

#include <iterator>

#include "api/cohere.h"
#include "api/ollama.h"
#include "api/openai.h"
#include "api/operations.h"
#include "api/page.h"
#include "api/tei.h"

namespace nestvec {

std::vector<Route> all_routes(const Service& service) {
  std::vector<Route> all;
  for (const auto routes :
       {openai_routes, tei_routes, cohere_routes, ollama_routes, operations_routes, page_routes}) {
    std::vector<Route> some = routes(service);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace nestvec
