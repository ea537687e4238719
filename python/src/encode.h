// SPDX-License-Identifier: Apache-2.0
// A list of str to a NumPy array.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

// float32 [texts, dimensions] that owns its memory.
using FloatRows = nanobind::ndarray<nanobind::numpy, float, nanobind::ndim<2>>;

struct EncodeArguments {
  EmbedOptions options;
  std::optional<std::string> prompt;  // put before every text, in place of the task's
  std::size_t batch_tokens = 0;
  nanobind::object progress;  // called with the number of texts that are done; or None
};

struct EncodeResult {
  FloatRows rows;
  std::vector<std::size_t> truncated;
};

// Throws Error kInvalidArgument for a prompt of the caller's behind which no text fits.
void check_prompt(const Model& model, const EncodeArguments& arguments);

// Blocks without the GIL. Throws Error as Model::predict; nanobind::python_error: TypeError for
// what is not str, what a signal handler raised (KeyboardInterrupt) or `progress` did.
EncodeResult encode(const Model& model, nanobind::sequence texts, EncodeArguments arguments);

}  // namespace nestvec
