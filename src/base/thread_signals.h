// SPDX-License-Identifier: Apache-2.0
// Signals go to the thread that waits for them, not to those that serve.
#pragma once

namespace nestvec {

// Blocks every signal in the calling thread: SIGTERM and SIGHUP reach another one, and writing to a
// connection that is gone fails with EPIPE instead of ending the process.
void block_signals_in_this_thread();

}  // namespace nestvec
