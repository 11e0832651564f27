#include "origin/embedded/last_seen.h"

#include <fmt/format.h>

namespace sluice::origin::embedded {

void LastSeen::set(std::uint64_t lsn) {
  if (auto before = get(); before && lsn <= before->lsn) return;
  reset(lsn);
}

void LastSeen::reset(std::uint64_t lsn) {
  std::string json = fmt::format(R"({{"headers":{{"control":"up-to-date","global_last_seen_lsn":"{}"}}}})", lsn);
  auto next = std::make_shared<UpToDate>();
  next->lsn = lsn;
  next->event = Buffer::of("data: " + json + "\n\n");
  next->last_in_array = Buffer::of(json + "]");
  std::lock_guard lock(mutex_);
  current_ = std::move(next);
}

}  // namespace sluice::origin::embedded
