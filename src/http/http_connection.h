// SPDX-License-Identifier: Apache-2.0
// One HTTP/1 connection: reads a request, has it answered, reads the next.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "base/live_count.h"
#include "http/http_fault.h"
#include "http/http_shared.h"
#include "http/io_loop.h"
#include "http/request_parser.h"
#include "http/transport.h"
#include "observe/log.h"
#include "service/http_message.h"

namespace nestvec {

// Lives on its loop, which keeps it until it is closed; all of it runs there. Between requests it
// holds no buffers. Bytes that come while a request is being answered are the next requests; a
// bounded number is read, to see the client's end, and kept.
class HttpConnection final : public Peer,
                             public ReplyTarget,
                             public std::enable_shared_from_this<HttpConnection> {
 public:
  static void start(const std::shared_ptr<IoLoop>& loop, std::shared_ptr<HttpShared> shared,
                    NewConnection accepted);

  HttpConnection(std::shared_ptr<IoLoop> loop, std::shared_ptr<HttpShared> shared,
                 NewConnection accepted);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void answer(std::uint64_t exchange, HttpResponse response) override;  // does not throw

  void on_tick(Clock::time_point now) override;
  void on_drain(Clock::time_point now) override;
  void on_stop() override { close(); }
  void on_grace_over() override;
  void make_way() override;

 private:
  enum class State {
    kHandshake,
    kIdle,  // no byte of a request yet
    kHead,
    kBody,
    kAnswering,  // until the handler responds
    kWriting,
    kLingering,  // all is written; waits for the client's end, so that the answer reaches it
    kClosed,
  };

  // Runs what the loop calls; where memory runs out, the connection ends with an answer that takes
  // none. Does not throw.
  template <class Work>
  void guard(const Work& work) noexcept {
    try {
      work();
    } catch (...) {
      give_up();
    }
  }

  void enter(State state);

  // Reading (http_connection.cc).
  void handshake();
  void await_request();
  bool await_head();
  void read();
  bool read_some();
  std::size_t room() const;  // how many bytes may be read now
  void wait_to_read(IoStatus want);
  void on_bytes(std::string_view bytes);
  void use(const std::string& bytes);
  void keep(std::string_view rest);
  std::size_t consume(std::string_view bytes);  // returns how many it used
  std::size_t hand_over(std::string_view bytes);
  void on_head(bool has_begun);
  bool settle_head(const HttpRequest& head);
  void begin(HttpRequest& request);
  void judge_head();
  void refuse_head(HttpResponse response);
  void end_early(HttpResponse response);
  void cut_body(HttpResponse why);
  void await_memory();
  void check_memory(Clock::time_point now);
  void refuse_for_memory();
  void refuse_body();
  void on_body();
  void on_end();
  void dispatch();
  void on_peer_end();
  void send_continue();

  // Answering (http_answer.cc).
  void refuse(const HttpFault& fault);
  void send(HttpResponse response, bool close_after);
  void send_no_memory();
  void give_up() noexcept;
  void write();
  void on_written();
  void finish_exchange();
  void tell_log() noexcept;
  void linger();
  void close();

  // Of the body or the answer under way: some of it has moved; when it must have gone on.
  void begin_transfer(std::size_t held);
  void note_transfer(std::uint64_t bytes, std::size_t held);
  void check_transfer();

  const std::shared_ptr<IoLoop> loop_;
  const std::shared_ptr<HttpShared> shared_;
  std::unique_ptr<Transport> transport_;
  IoLoop::Peers::iterator entry_;
  ConnectionSeats::Seat seat_;
  LiveCount::Share unfinished_;

  const std::uint64_t number_;
  const std::string client_;
  const std::uint64_t address_;                   // as a client's number
  const std::shared_ptr<MemoryAccount> account_;  // of its address
  State state_ = State::kIdle;
  Clock::time_point deadline_;
  Transfer transfer_;         // the body or the answer under way
  bool may_be_http2_ = true;  // until its first bytes tell
  bool reading_ = false;      // inside read()
  bool waiting_to_read_ = false;
  bool peer_ended_ = false;
  bool end_seen_ = false;  // while a request is answered, maybe behind bytes that are not read yet
  bool keep_alive_ = false;  // what the request that is answered asks for
  bool close_after_ = false;
  std::optional<Clock::time_point> leave_by_;  // or with the next answer: its seat is given up
  bool head_only_ = false;
  bool http10_ = false;
  Dropped dropped_;          // bytes that came behind the last answer
  std::string input_;        // received and not used yet
  MemoryShare memory_;       // of the connection
  MemoryShare head_memory_;  // of a head that is on its way
  // A body is not read further before there is memory for it, until then at most.
  std::optional<AwaitedMemory> awaited_memory_;
  std::optional<HttpResponse> refusal_;  // what is said when the body, which is dropped, has ended
  std::unique_ptr<RequestParser> parser_;

  std::uint64_t exchange_ = 0;              // the number of the request that is answered
  std::weak_ptr<const HttpRequest> asked_;  // which is answered
  std::optional<std::stop_source> stop_;
  Clock::time_point received_;
  AccessRecord record_;
  std::string out_head_;
  std::string out_body_;
  std::shared_ptr<MemoryShare> out_memory_;
  std::string_view out_fixed_;  // instead of the two
  std::size_t written_ = 0;
};

}  // namespace nestvec
