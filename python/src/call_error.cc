// SPDX-License-Identifier: Apache-2.0
#include "call_error.h"

#include <algorithm>
#include <string>

namespace nestvec {

Error as_of_list(const Error& error, std::size_t first) {
  if (!error.detail().text) return error;
  const std::size_t inner = *error.detail().text;
  ErrorDetail detail = error.detail();
  detail.text = first + inner;
  std::string message = error.what();
  // The number behind the first word.
  const std::string number = " " + std::to_string(inner);
  const std::size_t space = std::min(message.find(' '), message.size());
  const std::size_t end = message.find_first_of(" :", space + 1);
  if (end != std::string::npos && message.substr(space, end - space) == number) {
    message.replace(space, number.size(), " " + std::to_string(*detail.text));
  }
  return Error(error.code(), message, detail);
}

}  // namespace nestvec
