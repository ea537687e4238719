// SPDX-License-Identifier: Apache-2.0
// Who may join the queue. The queue is shared: what one client has waiting never keeps another out.
#pragma once

#include <cstddef>

#include "batch/fair_queue.h"
#include "nestvec/options.h"

namespace nestvec {

// What waits for other models of the same thread and runs there, in tokens that the call's own
// model would run in the same time.
struct LoadElsewhere {
  double same = 0;  // of the call's class
  double other = 0;
  double own = 0;  // of the call's client, among `same`
  double running = 0;
  std::size_t texts = 0;    // of the call's class
  std::size_t clients = 0;  // of the call's class that wait nowhere but there
};

// What a call finds.
struct QueueLoad {
  ClassLoad same = {};           // what waits of the call's class
  ClassLoad other = {};          // and of the other one
  std::size_t own = 0;           // tokens that the call's client has waiting in the call's class
  std::size_t running = 0;       // tokens of the batch that the call must wait for
  std::size_t batch = 0;         // the most tokens of one
  double tokens_per_second = 0;  // 0: not known yet
  LoadElsewhere elsewhere = {};
};

// Throws Error kResourceExhausted where a call of so many tokens must not wait, with
// ErrorDetail::retry_after, or without for a call that could never.
//
// max_tokens: a client may have no more waiting than it leaves free (Choudhury and Hahne, 1998):
// one alone half of the queue, two a third each, and there is always room for the next. Bulk calls
// have three quarters of the queue to share. A queue without anything in it takes a batch.
//
// max_seconds: a call may wait so long for its client's earlier calls, of any model, at the
// client's share of the time, or where there are none for one text of each of the others.
void check_admission(const QueueOptions& limits, bool bulk, std::size_t tokens,
                     const QueueLoad& load);

}  // namespace nestvec
