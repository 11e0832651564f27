// For tests: a folder of its own, gone when the object is. Other users may enter it, and see nothing: Postgres runs as one.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace sluice {

class TestFolder {
 public:
  // In memory where that is there: a sync waits for nothing.
  TestFolder() : TestFolder(in_memory()) {}
  explicit TestFolder(const std::filesystem::path& parent) : path_((parent / "sluice-test-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    std::filesystem::permissions(path_, std::filesystem::perms(0711));
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  static std::filesystem::path in_memory() {
    std::error_code none;
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::is_directory(memory, none) ? memory : std::filesystem::temp_directory_path();
  }

  std::string path_;
};

}  // namespace sluice
