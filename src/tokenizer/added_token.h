// SPDX-License-Identifier: Apache-2.0
// A token beside the model's vocabulary, as files describe it.
#pragma once

#include <string>

namespace nestvec {

// An entry of "added_tokens".
struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the whitespace before it along
  bool rstrip = false;       // takes the whitespace behind it along
  bool normalized = true;    // looked for in the normalized text, in its own normalized form
  bool special = false;      // left out by decode
};

}  // namespace nestvec
