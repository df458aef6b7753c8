#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

namespace stepgate::proxy::app
{

/// The filters of `stepgate audit search` and `export`, as typed on the command line.
struct AuditFilter {
    std::string user, session, type, action, label, rule, table, text, challenge;
    std::string from, to; // "2026-11-23", "2026-11-23T07:26:02Z"
    std::optional<std::int64_t> before;
    int limit = 50; // export: 0 means all
};

/// All return the exit code: 0 good, 1 findings (verify), 2 usage, configuration, or a journal that cannot be read.
/// Answers go to `out`, what went wrong to `err`. Control characters of statements are escaped on their way out.

/// The newest `lines` records, then, if `follow`, new ones until `stop` answers true (asked about five times a second).
int run_audit_tail(const std::filesystem::path& directory, int lines, bool follow, const std::function<bool()>& stop,
                   std::ostream& out, std::ostream& err);
int run_audit_search(const std::filesystem::path& directory, const AuditFilter& filter, bool json, std::ostream& out,
                     std::ostream& err);
/// `format`: "jsonl" or "csv" (RFC 4180, cells that a spreadsheet would take for a formula get a leading ').
int run_audit_export(const std::filesystem::path& directory, const AuditFilter& filter, const std::string& format,
                     std::ostream& out, std::ostream& err);
/// Writes the bundle of one challenge (proxy/audit/bundle.h).
int run_audit_export_bundle(const std::filesystem::path& directory, const std::string& challenge, std::ostream& out,
                            std::ostream& err);

struct AuditVerify {
    std::filesystem::path public_key; // empty: audit.pub of the directory
    std::uint64_t from = 0;           // 0: the journal starts at record 1
    bool proofs = false;              // list them
};
int run_audit_verify(const std::filesystem::path& directory, const AuditVerify& how, std::ostream& out,
                     std::ostream& err);
/// `public_key` empty: the one in the bundle.
int run_audit_verify_bundle(const std::filesystem::path& file, const std::filesystem::path& public_key,
                            std::ostream& out, std::ostream& err);
int run_audit_reindex(const std::filesystem::path& directory, std::ostream& out, std::ostream& err);

} // namespace stepgate::proxy::app
