#include "origin/embedded/event_pieces.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::origin::embedded {
namespace {

constexpr std::string_view kData = "data: ";
constexpr std::string_view kEventEnd = "\n\n";

// A page's bytes from `skip` on, run by run: those in a file through memory, so many at a time as a piece may have.
class PageBytes {
 public:
  PageBytes(store::Page page, std::uint64_t skip) : page_(std::move(page)), skip_(skip) {
    if (!page_.file) return;
    const std::uint64_t in_file = page_.file->size();
    page_.file->remove_prefix(skip_);
    skip_ -= std::min(skip_, in_file);
  }

  // Empty at the end; nothing where the file cannot be read. Valid until the next call.
  std::optional<std::string_view> next() {
    if (page_.file && !page_.file->empty()) return next_of_file();
    while (buffer_ < page_.buffers.size()) {
      std::string_view run = page_.buffers[buffer_++].bytes();
      const std::size_t skipped = std::min<std::uint64_t>(skip_, run.size());
      run.remove_prefix(skipped);
      skip_ -= skipped;
      if (!run.empty()) return run;
    }
    return std::string_view();
  }

 private:
  std::optional<std::string_view> next_of_file() {
    FileBytes& file = *page_.file;
    read_.resize(std::min<std::uint64_t>(file.size(), kEventPieceBytes));
    ssize_t n = 0;
    do {
      n = ::pread(file.descriptor(), read_.data(), read_.size(), static_cast<off_t>(file.from()));
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return std::nullopt;
    file.remove_prefix(static_cast<std::uint64_t>(n));
    return std::string_view(read_).substr(0, static_cast<std::size_t>(n));
  }

  store::Page page_;
  std::uint64_t skip_;  // of the buffers
  std::size_t buffer_ = 0;
  std::string read_;
};

struct Spelled {
  std::string text;
  std::uint64_t taken = 0;  // bytes of entries
  bool all = false;
};

// An entry is a line that ends in a comma; neither is part of the event. Runs cut entries anywhere.
std::optional<Spelled> spell(PageBytes bytes) {
  Spelled out;
  bool at_start = true;
  while (true) {
    const auto run = bytes.next();
    if (!run) return std::nullopt;
    if (run->empty()) break;
    for (std::string_view rest = *run; !rest.empty();) {
      if (at_start && out.text.size() >= kEventPieceBytes) return out;
      if (at_start) out.text += kData;
      const std::size_t newline = rest.find('\n');
      at_start = newline != std::string_view::npos;
      out.text += rest.substr(0, newline);
      const std::size_t taken = at_start ? newline + 1 : rest.size();
      out.taken += taken;
      rest.remove_prefix(taken);
      if (!at_start) break;
      out.text.pop_back();  // the comma, which a former run may have brought
      out.text += kEventEnd;
    }
  }
  out.all = true;
  return out;
}

// A client of events goes on from the position that it is told here, so it may not be before what it was sent: the log may
// have grown since `up_to_date` was looked up. A byte behind the begin of a commit's record is within it.
std::string up_to_date_event(const UpToDate& up_to_date, shape::Offset end) {
  if (up_to_date.lsn > end.tx()) return std::string(up_to_date.event.bytes());
  return fmt::format("data: {{\"headers\":{{\"control\":\"up-to-date\",\"global_last_seen_lsn\":\"{}\"}}}}\n\n",
                     end.tx() + 1);
}

}  // namespace

EventPiece EventPieces::next(const store::ShapeLog& log, EventPlace from, const UpToDate& up_to_date) {
  std::lock_guard lock(mutex_);
  // An older spelling is still true: it ends where those behind it go on.
  for (const EventPiece& piece : kept_) {
    if (piece.from == from) return piece;
  }
  auto page = log.read_to_send(from.after);
  if (!page) return {from, from, Buffer()};
  const shape::Offset end = page->end;
  const bool at_head = page->at_head;
  auto spelled = spell(PageBytes(std::move(*page), from.bytes));
  if (!spelled) return {from, from, Buffer()};
  if (spelled->all && at_head) {
    spelled->text += up_to_date_event(up_to_date, end);
    // What came before is of use to few: a shape whose listeners wait keeps no more than they were told last.
    kept_.clear();
    oldest_ = 0;
  }
  const EventPlace to = spelled->all ? EventPlace{end, 0} : EventPlace{from.after, from.bytes + spelled->taken};
  EventPiece piece{from, to, Buffer::of(std::move(spelled->text))};
  if (to != from) keep(piece);
  return piece;
}

void EventPieces::keep(const EventPiece& piece) {
  if (kept_.size() < kEventPiecesKept) return kept_.push_back(piece);
  kept_[oldest_] = piece;
  oldest_ = (oldest_ + 1) % kEventPiecesKept;
}

}  // namespace sluice::origin::embedded
