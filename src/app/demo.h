// What `sluice dev` shows: a schema with two organisations, and the lines to paste.
#pragma once

#include <string>

namespace sluice::app {

// Creates and fills the demo tables where they do not exist. Throws std::runtime_error with Postgres's message.
void create_demo_schema(const std::string& database_url);

// The configuration, as TOML.
std::string demo_config(const std::string& directory, const std::string& listen);

// The text printed once everything runs. `url` is the gateway's.
std::string demo_lines(const std::string& directory, const std::string& url);

}  // namespace sluice::app
