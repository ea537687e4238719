// SPDX-License-Identifier: Apache-2.0
// A download as a person sees it: what will come, a question on a terminal, a bar or lines.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "cli/context.h"
#include "hub/pull.h"
#include "nestvec/log_sink.h"

namespace nestvec {

struct PullTalk {
  bool quiet = false;         // no lines, no bar, no question
  bool ask = false;           // before the first byte
  LogSink lines = {};         // finished lines; empty = standard error, with a bar on a terminal
  std::stop_token stop = {};  // ends the download at its next event
};

// Whether a person can be asked: standard input and standard error are a terminal.
bool can_ask(const CliContext& context);

// pull_model, told as `talk` says: first the size and the licence. Nothing where the user does not
// want the download. Blocks. Throws Error as pull_model, and kCancelled where `stop` is requested.
std::optional<PullResult> pull_with_display(const PullOptions& options, const PullTalk& talk,
                                            CliContext& context);

// "1.2 GB", in powers of 1000 as the hub's pages have it.
std::string size_text(std::uint64_t bytes);

// That the weights of `repo` must not be used commercially, for a licence that says so.
std::string license_note(const std::string& repo, const std::string& license);

}  // namespace nestvec
