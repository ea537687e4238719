// SPDX-License-Identifier: Apache-2.0
#include "session/ort_support.h"

namespace nestvec {
namespace {

// NOLINTNEXTLINE(readability-function-size): ONNX Runtime's signature
void discard_log(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

Ort::Env quiet_environment() {
  return Ort::Env(ORT_LOGGING_LEVEL_FATAL, "nestvec", discard_log, nullptr);
}

Ort::SessionOptions session_options(std::size_t threads) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(static_cast<int>(threads));
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  options.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  // Shapes differ from run to run: a remembered pattern or a growing arena would keep the largest
  // of each forever.
  options.DisableMemPattern();
  options.DisableCpuMemArena();
  options.AddConfigEntry("session.force_spinning_stop", "1");
  return options;
}

std::string first_line(std::string_view message) {
  return std::string(message.substr(0, message.find('\n')));
}

}  // namespace nestvec
