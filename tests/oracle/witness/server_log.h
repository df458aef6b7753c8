#pragma once

#include "tests/oracle/witness/truth.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::oracle
{

/// The server's log on standard error, which every backend writes before it answers: what a statement left in it is
/// complete once ReadyForQuery has come. Needs log_line_prefix = '%p|'.
class ServerLog
{
  public:
    explicit ServerLog(std::string path) : path_(std::move(path)) {}

    [[nodiscard]] std::uint64_t size() const;
    /// Relations in what the backend wrote from `offset` on; several entries a relation.
    [[nodiscard]] std::vector<Access> accesses(std::uint64_t offset, int backend) const;

  private:
    std::string path_;
};

/// Range table entries of a tree as debug_print_rewritten and debug_print_plan give it.
void read_tree(std::string_view text, std::string_view source, std::vector<Access>& out);
/// One AUDIT line of pgaudit.
void read_audit(std::string_view line, std::vector<Access>& out);

} // namespace stepgate::oracle
