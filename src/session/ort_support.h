// SPDX-License-Identifier: Apache-2.0
// What the sessions on ONNX Runtime share.
#pragma once

#include <onnxruntime_cxx_api.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "nestvec/error.h"

namespace nestvec {

// The one place where ONNX Runtime's environment is made: without its telemetry, unless the user
// has set ORT_DISABLE_TELEMETRY to something else, and without log lines on stderr, because what
// matters comes back as a status. scripts/check_sources.py keeps it the only one.
Ort::Env quiet_environment();

// Sequential, without memory that grows with the shapes seen; threads of ONNX Runtime's own pool.
Ort::SessionOptions session_options(std::size_t threads);

// The runtime's messages span lines and name its sources; the first line says what happened.
std::string first_line(std::string_view message);

// make(), which loads the graph; its failures as Error kNotFound or kDataLoss.
template <class Make>
auto load_graph(const std::string& path, Make make) {
  if (!std::filesystem::is_regular_file(path)) {
    throw Error(ErrorCode::kNotFound, path + ": no such file");
  }
  try {
    return make();
  } catch (const Ort::Exception& error) {
    throw Error(ErrorCode::kDataLoss,
                path + ": ONNX Runtime cannot load it: " + first_line(error.what()));
  }
}

}  // namespace nestvec
