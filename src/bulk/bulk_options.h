// SPDX-License-Identifier: Apache-2.0
// What a bulk run is asked to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulk/output_spec.h"
#include "bulk/row_reader.h"
#include "nestvec/model.h"

namespace nestvec {

// What a row that cannot be embedded does.
enum class OnError {
  kFail,  // ends the run
  kSkip,  // is left out of the output
  kNull,  // has a row without a vector
};

// "fail", "skip", "null". Throws Error kInvalidArgument listing them.
OnError parse_on_error(std::string_view name);
std::string_view on_error_name(OnError choice);

struct BulkOptions {
  std::vector<std::string> inputs;  // as for find_inputs
  RowRules rows;
  OutputSpec output;
  EmbedOptions embed;
  OnError on_error = OnError::kFail;
  bool dedupe = false;            // embed equal texts of equal tasks once
  bool resume = false;            // go on where the checkpoint is; begin where there is none
  bool restart = false;           // forget an unfinished run
  double checkpoint_seconds = 5;  // between checkpoints; 0 = whenever a row was written
};

// Throws Error kInvalidArgument for options that exclude each other.
void check_options(const BulkOptions& options);

// What of the options decides the output: flags and values, for a checkpoint. --on-error is not
// among them.
std::vector<std::pair<std::string, std::string>> option_facts(const BulkOptions& options,
                                                              const ModelInfo& model);

}  // namespace nestvec
