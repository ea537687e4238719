// SPDX-License-Identifier: Apache-2.0
// A pipeline says so where there are no threads left, and ends.
#include <gtest/gtest.h>

#include <string>

#include "bulk/pipeline.h"
#include "support/folders.h"
#include "support/thread_shortage.h"

namespace nestvec {
namespace {

TEST(NoThread, APipelineThatCannotStartEnds) {
  ModelConfig config;
  config.checkpoints.repo_id = test_data() + "/../models/v3-tiny";
  config.runtime.cache_dir = test_build() + "/bulk-cache";
  config.runtime.precision = "fp32";
  const Model model = load_model(config);
  make_with_too_few(2, "the thread that", [&] { const Pipeline pipeline(model, {}); });
}

}  // namespace
}  // namespace nestvec
