// SPDX-License-Identifier: Apache-2.0
#include "service/call_failure.h"

#include <chrono>
#include <new>

#include "base/out_of_memory.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

constexpr std::chrono::seconds kAgain{2};

}  // namespace

Error current_error() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return error;
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    } catch (...) {
      // Its text may hold anything, so it stays here.
      return {ErrorCode::kInternal, "internal error; the call was not answered"};
    }
  } catch (...) {  // no memory for the text of the error
    return out_of_memory();
  }
}

Error copy_of(const Error& error) noexcept {
  try {
    return error;
  } catch (...) {
    return out_of_memory();
  }
}

Error still_loading() {
  return {ErrorCode::kUnavailable,
          "the model is still loading; retry shortly",
          {.text = {}, .retry_after = kAgain}};
}

Error shutting_down() {
  return {ErrorCode::kUnavailable,
          "the server is shutting down; retry to reach another instance",
          {.text = {}, .retry_after = kAgain}};
}

}  // namespace nestvec
