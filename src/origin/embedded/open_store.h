// The store that an origin keeps its shapes in: a folder's, or memory.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "origin/embedded/embedded_origin.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

struct OpenError {
  std::string message;
  bool in_use = false;  // another process has the folder: try again
};

// Reads what is in the folder, which is made where it is missing.
std::expected<std::unique_ptr<store::LogStore>, OpenError> open_store(const EmbeddedOptions& options);

}  // namespace sluice::origin::embedded
