#include "proxy/app/command_audit.h"

#include "proxy/audit/bundle.h"
#include "proxy/audit/feeder.h"
#include "proxy/audit/reader.h"
#include "proxy/audit/search.h"
#include "proxy/audit/text.h"
#include "proxy/audit/verify.h"

#include <boost/algorithm/string/join.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

namespace stepgate::proxy::app
{

namespace
{

constexpr int good = 0, findings = 1, trouble = 2;
constexpr std::chrono::milliseconds follow_every{200};

int complain(std::ostream& err, const std::string& message)
{
    err << "stepgate audit: " << audit::one_line(message) << '\n';
    return trouble;
}

/// The filter as the index takes it. False: a time is not one.
bool to_query(const AuditFilter& filter, audit::Query& query, std::ostream& err)
{
    query.user = filter.user;
    query.session = filter.session;
    query.type = filter.type;
    query.action = filter.action;
    query.label = filter.label;
    query.rule = filter.rule;
    query.table = filter.table;
    query.text = filter.text;
    query.challenge = filter.challenge;
    query.before = filter.before;
    query.limit = filter.limit;
    const auto time = [&](const char* flag, const std::string& text, std::optional<audit::TimePoint>& into) {
        if (text.empty())
            return true;
        into = audit::parse_rfc3339(text);
        if (!into)
            complain(err,
                     std::string{flag} + ": \"" + text + "\" is not a time; write 2026-11-23 or 2026-11-23T07:26:02Z");
        return into.has_value();
    };
    if (!filter.type.empty() && !audit::type_from_string(filter.type)) {
        complain(err, "--type: \"" + filter.type +
                          "\" is not a type of record; for example statement, challenge_opened, login_failed");
        return false;
    }
    constexpr std::string_view actions[] = {"", "allow", "notify", "challenge", "deny"};
    if (std::ranges::find(actions, filter.action) == std::end(actions)) {
        complain(err, "--action: \"" + filter.action + "\" is none; one of: allow, notify, challenge, deny");
        return false;
    }
    return time("--from", filter.from, query.from) && time("--to", filter.to, query.to);
}

/// Every row of an answer, newest first, until `limit` (0: all). False: `err` has the reason.
template <class Each>
bool rows_of(const std::filesystem::path& directory, audit::Query query, int limit, std::ostream& err, Each&& each)
{
    auto search = audit::Search::open(directory);
    if (!search) {
        complain(err, search.error().message);
        return false;
    }
    constexpr int at_once = 100'000;
    std::int64_t left = limit > 0 ? limit : INT64_MAX;
    while (left > 0) {
        query.limit = static_cast<int>(std::min<std::int64_t>(left, at_once));
        const auto found = (*search)->find(query);
        if (!found) {
            complain(err, found.error().message);
            return false;
        }
        for (const std::int64_t sequence : *found) {
            const auto row = (*search)->row(sequence);
            if (!row) {
                complain(err, row.error().message);
                return false;
            }
            if (*row)
                each(**row);
        }
        left -= static_cast<std::int64_t>(found->size());
        if (found->size() < static_cast<std::size_t>(query.limit))
            return true;
        query.before = found->back();
    }
    return true;
}

boost::json::object details_of(const audit::Row& row)
{
    boost::system::error_code failed;
    auto details = boost::json::parse(row.details.empty() ? "{}" : row.details, failed);
    return failed || !details.is_object() ? boost::json::object{} : std::move(details).as_object();
}

/// Of the first of these keys that is there.
std::string text_of(const boost::json::object& details, std::initializer_list<const char*> keys)
{
    for (const char* key : keys)
        if (const auto* found = details.if_contains(key); found != nullptr && found->is_string())
            return std::string{found->as_string()};
    return {};
}

void print_row(const audit::Row& row, std::ostream& out)
{
    out << row.sequence << ' ' << audit::rfc3339(row.at) << ' ' << row.type;
    const auto part = [&](const char* name, const std::string& value) {
        if (!value.empty())
            out << ' ' << name << '=' << audit::one_line(value);
    };
    part("action", row.action);
    part("user", row.user);
    part("session", row.session);
    part("database", row.database);
    part("rules", boost::algorithm::join(row.rules, ","));
    part("labels", boost::algorithm::join(row.labels, ","));
    part("challenge", row.challenge);
    if (row.count > 1)
        out << " count=" << row.count;
    if (row.rows)
        out << " rows=" << *row.rows;
    if (row.errors > 0)
        out << " errors=" << row.errors;
    part("sqlstate", row.sqlstate);
    const auto details = details_of(row);
    part("change", text_of(details, {"change"}));       // of a user
    part("by", text_of(details, {"proof_user", "by"})); // who answered, for themselves or another
    part("factor", text_of(details, {"factor"}));
    part("reason", text_of(details, {"reason", "error"})); // why a login failed, a session ended, a proof was not taken
    if (!row.text.empty())
        out << " | " << audit::one_line(row.text);
    out << '\n';
}

void print_csv(const audit::Row& row, std::ostream& out)
{
    const auto number = [](const std::optional<std::int64_t>& value) {
        return value ? std::to_string(*value) : std::string{};
    };
    const std::string cells[] = {std::to_string(row.sequence),
                                 std::to_string(row.last_sequence),
                                 audit::rfc3339(row.at),
                                 row.type,
                                 row.session,
                                 row.user,
                                 row.listener,
                                 row.database,
                                 row.client_address,
                                 row.action,
                                 boost::algorithm::join(row.rules, ","),
                                 boost::algorithm::join(row.labels, ","),
                                 boost::algorithm::join(row.kinds, ","),
                                 boost::algorithm::join(row.tables, ","),
                                 std::to_string(row.count),
                                 number(row.rows),
                                 std::to_string(row.errors),
                                 row.sqlstate,
                                 row.duration_ns ? std::to_string(*row.duration_ns / 1'000'000) : std::string{},
                                 row.challenge,
                                 row.text,
                                 row.details};
    bool first = true;
    for (const auto& cell : cells) {
        out << (first ? "" : ",") << audit::csv_cell(cell);
        first = false;
    }
    out << "\r\n";
}

constexpr const char* csv_header = "sequence,last_sequence,time,type,session,user,listener,database,client_address,"
                                   "action,rules,labels,kinds,tables,count,rows,errors,"
                                   "sqlstate,duration_ms,challenge,text,details\r\n";

void print_findings(const std::vector<audit::Finding>& all, std::ostream& out)
{
    for (const auto& finding : all) {
        out << finding.file << (finding.file.empty() ? "" : ": ");
        if (finding.sequence > 0)
            out << "record " << finding.sequence << ": ";
        out << audit::to_string(finding.kind) << ": " << audit::one_line(finding.message) << '\n';
    }
}

void print_proof(const audit::CheckedProof& proof, std::ostream& out)
{
    out << "proof " << proof.sequence << ": challenge " << audit::one_line(proof.challenge) << ", "
        << (proof.approval ? "approved" : "proved") << " by " << audit::one_line(proof.user) << " with "
        << audit::one_line(proof.factor)
        << (proof.carries_signature ? ": the passkey's signature over the statement holds"
                                    : ": no signature, stepgate's word")
        << '\n';
}

void print_record(const audit::RecordView& record, std::ostream& out)
{
    out << record.sequence << ' ' << audit::rfc3339(audit::from_ns(record.at_ns)) << ' '
        << audit::to_string(record.type);
    if (record.session_number != 0)
        out << " session=#" << record.session_number;
    if (!record.session.empty())
        out << " session=" << audit::one_line(record.session);
    if (!record.user.empty())
        out << " user=" << audit::one_line(record.user);
    out << ' ' << audit::one_line(audit::fields_json(record)) << '\n';
}

} // namespace

int run_audit_tail(const std::filesystem::path& directory, int lines, bool follow, const std::function<bool()>& stop,
                   std::ostream& out, std::ostream& err)
{
    const auto extent = audit::journal_extent(directory);
    if (!extent)
        return complain(err, extent.error().message);
    const auto wanted = static_cast<std::uint64_t>(std::max(lines, 0));
    const std::uint64_t from = extent->last > wanted ? extent->last - wanted + 1 : 1;
    audit::JournalReader reader{directory, from};
    audit::RecordView record;
    std::span<const std::byte> bytes;
    for (;;) {
        switch (reader.next(record, bytes)) {
        case audit::JournalReader::Status::record:
            print_record(record, out);
            break;
        case audit::JournalReader::Status::failed:
            return complain(err, reader.problem().message);
        case audit::JournalReader::Status::end:
            out.flush();
            if (!follow || stop() || !out)
                return good;
            std::this_thread::sleep_for(follow_every);
            break;
        }
    }
}

int run_audit_search(const std::filesystem::path& directory, const AuditFilter& filter, bool json, std::ostream& out,
                     std::ostream& err)
{
    audit::Query query;
    if (!to_query(filter, query, err))
        return trouble;
    const bool answered = rows_of(directory, query, filter.limit, err, [&](const audit::Row& row) {
        if (json)
            out << audit::to_json(row) << '\n';
        else
            print_row(row, out);
    });
    return answered ? good : trouble;
}

int run_audit_export(const std::filesystem::path& directory, const AuditFilter& filter, const std::string& format,
                     std::ostream& out, std::ostream& err)
{
    if (format != "jsonl" && format != "csv")
        return complain(err, "--format: \"" + format + "\" is not known; use jsonl or csv");
    audit::Query query;
    if (!to_query(filter, query, err))
        return trouble;
    const bool csv = format == "csv";
    if (csv)
        out << csv_header;
    const bool answered = rows_of(directory, query, filter.limit, err, [&](const audit::Row& row) {
        if (csv)
            print_csv(row, out);
        else
            out << audit::to_json(row) << '\n';
    });
    return answered ? good : trouble;
}

int run_audit_export_bundle(const std::filesystem::path& directory, const std::string& challenge, std::ostream& out,
                            std::ostream& err)
{
    const auto bundle = audit::make_bundle(directory, challenge);
    if (!bundle)
        return complain(err, bundle.error().message);
    out << *bundle;
    return good;
}

int run_audit_verify(const std::filesystem::path& directory, const AuditVerify& how, std::ostream& out,
                     std::ostream& err)
{
    audit::VerifyOptions options{directory, std::nullopt, std::nullopt};
    if (!how.public_key.empty())
        options.public_key = how.public_key;
    if (how.from > 0)
        options.from = how.from;
    options.list_proofs = how.proofs;
    const auto report = audit::verify(options);
    if (!report)
        return complain(err, report.error().message);
    for (const auto& proof : report->proof_list)
        print_proof(proof, out);
    print_findings(report->findings, out);
    for (const auto& note : report->notes)
        out << "note: " << audit::one_line(note) << '\n';
    out << report->records << " records (" << report->first << " to " << report->last << ") in " << report->segments
        << " segments, " << report->checkpoints << " signed checkpoints, " << report->proofs << " proofs ("
        << report->signed_proofs << " signed by a passkey), " << report->releases << " releases; key " << report->key
        << '\n';
    out << (report->findings.empty()
                ? "the journal is intact"
                : "THE JOURNAL IS NOT INTACT: " + std::to_string(report->findings.size()) + " findings")
        << '\n';
    return report->findings.empty() ? good : findings;
}

int run_audit_verify_bundle(const std::filesystem::path& file, const std::filesystem::path& public_key,
                            std::ostream& out, std::ostream& err)
{
    const auto report = audit::verify_bundle(file, public_key.empty() ? std::nullopt : std::optional{public_key});
    if (!report)
        return complain(err, report.error().message);
    for (const auto& record : report->records)
        out << record << '\n';
    for (const auto& proof : report->proofs)
        print_proof(proof, out);
    print_findings(report->findings, out);
    if (report->own_key)
        out << "note: checked with the key that came with the bundle, " << report->key
            << "; --public-key takes one that you know\n";
    out << (report->findings.empty()
                ? "the bundle of challenge " + audit::one_line(report->challenge) + " holds"
                : "THE BUNDLE DOES NOT HOLD: " + std::to_string(report->findings.size()) + " findings")
        << '\n';
    return report->findings.empty() ? good : findings;
}

int run_audit_reindex(const std::filesystem::path& directory, std::ostream& out, std::ostream& err)
{
    const auto records = audit::reindex(directory);
    if (!records)
        return complain(err, records.error().message);
    out << "indexed " << records->records << " records\n";
    if (records->first > 1)
        out << "records 1 to " << records->first - 1
            << " are not in the directory (archived?): search and pages do not find them any more\n";
    for (const auto& gap : records->missing)
        complain(err, audit::missing(gap));
    return records->missing.empty() ? good : findings;
}

} // namespace stepgate::proxy::app
