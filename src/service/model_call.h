// SPDX-License-Identifier: Apache-2.0
// A request's way through the model, whatever the dialect and the transport.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/pace.h"
#include "nestvec/model.h"
#include "service/call_rows.h"
#include "service/caller.h"
#include "service/embed_call.h"
#include "service/gather.h"
#include "service/score_call.h"
#include "service/service.h"

namespace nestvec {

// Asks the model for everything that a request wants, side by side, and ends the request: once,
// whatever fails or is thrown, and with nothing left in the model's queue. The first error stands
// for all. Ends at the caller's deadline, be the model still at work, and when the client has gone.
// Counts texts and failed calls.
class ModelCall {
 public:
  // Makes the answer of what came of each call, in their order. Spends a step a number, so that it
  // ends when nobody waits for it any more. On a request thread. What it throws is the error that
  // the request ends with.
  using Render = std::function<void(std::span<const CallRows> rows, Pace& pace)>;
  // The end: null where the answer is made. A fault of a text is told with the text's number among
  // those of its call, or with its document's. On a request thread, or where memory is short on
  // any. Must not throw.
  using Done = std::function<void(const Error* error)>;

  // Queues the calls; blocks for their tokens alone. A call without texts has no rows. Either
  // throws std::bad_alloc, or Error where the model is of another kind or the account has no memory
  // for the tokens (memory_for_texts), and neither function is called, or returns, and `done` is
  // called once.
  // `service` outlives the call.
  static void start(const Service& service, const Caller& caller, std::vector<EmbedCall> calls,
                    Render render, Done done);
  // The same for scores, which have one CallRows. What a query takes that is read again with each
  // document the model charges to the account.
  static void start(const Service& service, const Caller& caller, ScoreCall call, Render render,
                    Done done);

  // What is asked: calls for vectors, or one for scores.
  struct Asked {
    std::vector<EmbedCall> vectors = {};
    std::optional<ScoreCall> scores = std::nullopt;
  };
  ModelCall(const Service& service, const Caller& caller, Asked asked, Render render, Done done);
  ModelCall(const ModelCall&) = delete;
  ModelCall& operator=(const ModelCall&) = delete;
  // Ends it, if nothing else has: whoever was to go on with it has let it go.
  ~ModelCall();

 private:
  // Texts that the model is asked for at once.
  struct Part {
    std::size_t call = 0;
    std::size_t index = 0;  // among the parts of its call
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  // What it gave: rows, the vectors of a text's tokens, or scores.
  struct PartRows {
    Embeddings rows = {};
    TokenEmbeddings tokens = {};
    Scores scores = {};
  };
  using PartGather = Gather<PartRows>;
  using Gathered = std::shared_ptr<PartGather>;
  using Gathering = Result<std::vector<PartRows>>;

  static std::vector<Part> parts_of(const Asked& asked);
  static void ask(const std::shared_ptr<ModelCall>& self) noexcept;
  // Asks for parts one after another, until all are asked for or one has to wait.
  static void feed(const std::shared_ptr<ModelCall>& self, const Gathered& gather) noexcept;
  static void ask_part(const std::shared_ptr<ModelCall>& self, std::size_t part,
                       const Gathered& gather);
  static void ask_for_scores(const std::shared_ptr<ModelCall>& self, const Gathered& gather);
  // A part has ended; `take` makes PartRows of what it gave. Does not throw: the model has its own
  // thread to go on with.
  template <typename Given, typename Take>
  static void bring(const std::shared_ptr<ModelCall>& self, const Gathered& gather,
                    std::size_t part, Result<Given> result, const Take& take) noexcept;
  Error of_part(std::size_t part, const Error& error) const;
  static void go_on(const std::shared_ptr<ModelCall>& self, Gathering result) noexcept;
  // Whether a part that was refused is asked for again when another of the call has its rows: its
  // client's queue is full of them.
  bool waits_for_its_own(std::size_t part, const Error& error);
  static void bring_more(const std::shared_ptr<ModelCall>& self, const Gathered& gather);
  void finish(Gathering& result) noexcept;
  std::vector<CallRows> sort_out(std::vector<PartRows> rows) const;
  void check_numbers(const EmbedCall& call, const TokenEmbeddings& part);
  void count(const std::vector<CallRows>& rows) const;
  void end(const Error* error) noexcept;
  void fail(const Error& error) noexcept;

  const Service& service_;
  const RunControl control_;  // of the request as a whole
  Asked asked_;
  const std::vector<Part> parts_;
  const Render render_;
  const Done done_;
  std::atomic<std::size_t> numbers_{0};  // of token vectors that have come
  std::atomic<bool> ended_{false};

  // How far its parts are asked for.
  struct Feed {
    std::size_t next = 0;
    std::size_t with_model = 0;  // asked for, and without an end
    std::size_t beside = 0;      // of those, when the next was asked for; they may have ended since
    bool running = false;        // some thread asks
    bool refused = false;        // the part that is asked for
  };
  std::mutex mutex_;  // guards feed_
  Feed feed_;
  MemoryShare tokens_;  // what becoming tokens takes, until all are asked for
};

// The class of a request that the model is asked for in so many parts, of so many bytes in all: one
// for all of them, since short parts of a long request would else go before other clients' work.
Priority class_of_parts(Priority wanted, std::size_t parts, std::size_t bytes);

}  // namespace nestvec
