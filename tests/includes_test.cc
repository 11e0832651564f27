// The walls of the house: a part includes what src/CMakeLists.txt says it may, and nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path kSource = fs::path(SLUICE_SOURCE_DIR) / "src";

// Highest first: docs/architecture.md. What is on one line is on one floor.
const std::vector<std::vector<std::string>> kFloors = {{"app"},
                                                       {"gateway"},
                                                       {"gatekeeper", "playground"},
                                                       {"policy_spicedb"},
                                                       {"policy"},
                                                       {"identity", "origin_remote", "origin_embedded"},
                                                       {"origin"},
                                                       {"replication", "store"},
                                                       {"sql"},
                                                       {"token"},
                                                       {"http"},
                                                       {"shape"},
                                                       {"base"}};

// Of sluice_part(), beside its name.
const std::set<std::string> kKeywords = {
    "DIR", "USES", "LIBS", "TEST_USES", "TEST_PROPERTIES", "ONE_THREAD", "TESTS_SHARE_POSTGRES"};

struct Part {
  std::string folder;
  std::set<std::string> uses;
};

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::map<std::string, Part> declared_parts() {
  std::map<std::string, Part> parts;
  const std::string text = read(kSource / "CMakeLists.txt");
  const std::regex call(R"(sluice_part\(([^)]*)\))");
  for (std::sregex_iterator it(text.begin(), text.end(), call), end; it != end; ++it) {
    std::istringstream words((*it)[1]);
    std::string name, word, mode;
    words >> name;
    Part part{name, {}};
    while (words >> word) {
      if (kKeywords.contains(word))
        mode = word;
      else if (mode == "DIR")
        part.folder = word;
      else if (mode == "USES")
        part.uses.insert(word);
    }
    parts[name] = part;
  }
  return parts;
}

std::size_t floor_of(const std::string& name) {
  for (std::size_t i = 0; i < kFloors.size(); ++i)
    if (std::find(kFloors[i].begin(), kFloors[i].end(), name) != kFloors[i].end()) return i;
  return kFloors.size();
}

// The part that a file or an include path belongs to: the one with the longest folder that is a prefix of it.
std::string part_of(const std::map<std::string, Part>& parts, const std::string& path) {
  std::string best;
  for (const auto& [name, part] : parts)
    if (path.starts_with(part.folder + "/") && (best.empty() || part.folder.size() > parts.at(best).folder.size()))
      best = name;
  return best;
}

bool is_source(const fs::path& path) {
  return path.extension() == ".h" || path.extension() == ".cc";
}

bool is_library(const std::string& path) {
  return !path.ends_with("_test.cc") && !path.ends_with("_bench.cc") && !path.ends_with("_fuzz.cc");
}

std::vector<std::string> quoted_includes(const std::string& text) {
  std::vector<std::string> includes;
  const std::regex include(R"re((?:^|\n)\s*#include "([^"]+)")re");
  for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) includes.push_back((*it)[1]);
  return includes;
}

TEST(Parts, UseOnlyPartsOnLowerFloors) {
  const auto parts = declared_parts();
  ASSERT_GE(parts.size(), 14u);
  for (const auto& [name, part] : parts) {
    EXPECT_LT(floor_of(name), kFloors.size()) << name << " is on no floor";
    for (const std::string& used : part.uses) {
      ASSERT_TRUE(parts.contains(used)) << name << " uses " << used << ", which is no part";
      EXPECT_GT(floor_of(used), floor_of(name)) << name << " uses " << used << ", which is not below it";
    }
  }
}

TEST(Parts, IncludeOnlyWhatTheyUse) {
  const auto parts = declared_parts();
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kSource)) {
    if (!is_source(entry.path())) continue;
    const std::string path = fs::relative(entry.path(), kSource).string();
    const std::string part = part_of(parts, path);
    ASSERT_FALSE(part.empty()) << path << " is in no part";
    ++files;
    for (const std::string& include : quoted_includes(read(entry.path()))) {
      const std::string included = part_of(parts, include);
      ASSERT_FALSE(included.empty()) << path << " includes \"" << include << "\": write \"part/file.h\"";
      EXPECT_TRUE(fs::exists(kSource / include)) << path << " includes \"" << include << "\"";
      if (!is_library(path)) continue;
      EXPECT_TRUE(included == part || parts.at(part).uses.contains(included))
          << path << " includes \"" << include << "\", but " << part << " does not use " << included;
    }
  }
  EXPECT_GT(files, 50u);
}

TEST(Sources, KeepToTheRulesOfTheHouse) {
  constexpr int kLinesMax = 600;
  for (const auto& entry : fs::recursive_directory_iterator(kSource)) {
    if (!is_source(entry.path())) continue;
    const std::string text = read(entry.path());
    const std::string path = fs::relative(entry.path(), kSource).string();
    if (path.ends_with(".h")) {
      EXPECT_TRUE(text.starts_with("//")) << path << " does not begin by saying what it is for";
      EXPECT_NE(text.find("#pragma once"), std::string::npos) << path;
    }
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), kLinesMax) << path << " wants to be two files";
    for (const char* later : {"TODO", "FIXME", "XXX:", "HACK:"})
      EXPECT_EQ(text.find(later), std::string::npos) << path << " says " << later;
  }
}

}  // namespace
