// Whether any of some files has been written since the last look. By time, size and inode, so that files that are replaced
// (a rename, a Kubernetes secret's link) count too. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::app {

class FileWatch {
 public:
  explicit FileWatch(std::vector<std::string> files);

  // True once for each change, and only when two looks in a row have seen the same: a file that is being written is not
  // read by halves.
  bool settled_change();

 private:
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0;
    std::uint64_t size = 0, inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> look() const;

  std::vector<std::string> files_;
  std::vector<Stamp> known_;  // as it was read
  std::vector<Stamp> last_;   // at the last look
};

}  // namespace sluice::app
