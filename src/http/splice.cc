// SPDX-License-Identifier: Apache-2.0
#include "http/splice.h"

#include <algorithm>
#include <utility>

namespace nestvec {

Splice::Splice(std::shared_ptr<IoLoop> loop, std::unique_ptr<Transport> client,
               FileDescriptor upstream, LiveCount::Share slot)
    : loop_(std::move(loop)),
      client_(std::move(client)),
      upstream_(loop_->context(), std::move(upstream)),
      slot_(std::move(slot)) {
  up_.from = down_.to = client_.get();
  up_.to = down_.from = &upstream_;
}

void Splice::start(const std::shared_ptr<IoLoop>& loop, std::unique_ptr<Transport> client,
                   FileDescriptor upstream, std::string_view received, LiveCount::Share slot) {
  const auto splice =
      std::make_shared<Splice>(loop, std::move(client), std::move(upstream), std::move(slot));
  splice->entry_ = loop->add(splice);
  Flow& up = splice->up_;
  up.end = std::min(received.size(), up.buffer.size());
  std::copy_n(received.begin(), up.end, up.buffer.begin());
  splice->wait(up, splice->upstream_, IoStatus::kWantWrite);
  splice->wait(splice->down_, splice->upstream_, IoStatus::kWantRead);
}

void Splice::pump(Flow& flow) {
  constexpr int kMovesPerTurn = 32;
  for (int i = 0; i < kMovesPerTurn; ++i) {
    if (!move_some(flow)) return;
  }
  flow.waiting = true;
  loop_->post([self = shared_from_this(), &flow] {
    flow.waiting = false;
    self->pump(flow);
  });
}

bool Splice::move_some(Flow& flow) {
  if (closed_ || flow.waiting || flow.ended) return false;
  const bool writing = flow.begin < flow.end;
  const std::string_view held(flow.buffer.data() + flow.begin, flow.end - flow.begin);
  const IoResult result = writing ? flow.to->write(held, {}) : flow.from->read(flow.buffer);
  switch (result.status) {
    case IoStatus::kDone:
      if (writing) {
        flow.begin += result.bytes;
      } else {
        flow.begin = 0;
        flow.end = result.bytes;
      }
      return true;
    case IoStatus::kWantRead:
    case IoStatus::kWantWrite:
      wait(flow, writing ? *flow.to : *flow.from, result.status);
      return false;
    case IoStatus::kEnd:
      end(flow);
      return false;
    case IoStatus::kFailed:
      close();
      return false;
  }
  return false;
}

void Splice::wait(Flow& flow, Transport& side, IoStatus want) {
  flow.waiting = true;
  side.wait(want, [self = shared_from_this(), &flow] {
    flow.waiting = false;
    self->pump(flow);
  });
}

void Splice::end(Flow& flow) {
  flow.ended = true;
  flow.to->shutdown_write();
  if (up_.ended && down_.ended) close();
}

void Splice::close() {
  if (std::exchange(closed_, true)) return;
  client_->close();
  upstream_.close();
  slot_.release();
  loop_->remove(entry_);
}

}  // namespace nestvec
