// SPDX-License-Identifier: Apache-2.0
#include "dialects/dialects.h"

#include <iterator>

#include "dialects/cohere/cohere.h"
#include "dialects/llama/llama.h"
#include "dialects/ollama/ollama.h"
#include "dialects/openai/openai.h"
#include "dialects/rerank/classify.h"
#include "dialects/rerank/rerank.h"
#include "dialects/tei/tei.h"
#include "dialects/weaviate/weaviate.h"
#include "service/admin.h"
#include "service/operations.h"
#include "service/page.h"

namespace nestvec {

std::vector<Route> all_routes(const Service& service) {
  std::vector<Route> all;
  for (const auto routes :
       {openai_routes, tei_routes, rerank_routes, classify_routes, cohere_routes, ollama_routes,
        llama_routes, weaviate_routes, admin_routes, operations_routes, page_routes}) {
    std::vector<Route> some = routes(service);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace nestvec
