#include "proxy/audit/bundle.h"

#include "proxy/audit/cbor.h"
#include "proxy/audit/files.h"
#include "proxy/audit/json_fields.h"
#include "proxy/audit/keys.h"
#include "proxy/audit/reader.h"
#include "proxy/audit/text.h"
#include "proxy/audit/verify_releases.h"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string_view>

namespace stepgate::proxy::audit
{

namespace
{

namespace json = boost::json;
template <class T>
using result = boost::system::result<T, Problem>;
using Bytes = std::vector<std::byte>;

constexpr std::string_view format = "stepgate bundle 1";
// A held statement is at most a message (64 MiB by default), and stands in a few records, in base64 twice.
constexpr std::size_t largest_bundle = 1u << 30;

/// What is signed: the format, the challenge, the time, and the hash of each record in order.
cbor::Buffer signed_part(const std::string& challenge, std::int64_t at_ns, const std::vector<Bytes>& records)
{
    cbor::Buffer message;
    cbor::put_head(message, cbor::Major::array, 4);
    cbor::put_text(message, format);
    cbor::put_text(message, challenge);
    cbor::put_integer(message, at_ns);
    cbor::put_head(message, cbor::Major::array, records.size());
    Hasher hasher;
    for (const Bytes& record : records)
        cbor::put_bytes(message, hasher(record));
    return message;
}

/// Every record of a journal, in order.
result<void> each_record(const std::filesystem::path& directory,
                         const std::function<void(const RecordView&, std::span<const std::byte>)>& visit)
{
    JournalReader reader{directory, 1};
    RecordView record;
    std::span<const std::byte> bytes;
    auto status = JournalReader::Status::end;
    while ((status = reader.next(record, bytes)) == JournalReader::Status::record)
        visit(record, bytes);
    if (status == JournalReader::Status::failed)
        return reader.problem();
    return {};
}

/// The records about a challenge, and the enrolments and removals of the factors that answered it.
result<std::vector<Bytes>> records_about(const std::filesystem::path& directory, const std::string& challenge)
{
    struct Factor {
        std::uint64_t sequence = 0;
        std::string credential;
        Bytes bytes;
    };
    std::map<std::uint64_t, Bytes> found;
    std::vector<Factor> factors; // whose they are is known when the proofs have been read
    std::set<std::string, std::less<>> credentials;
    const auto read = each_record(directory, [&](const RecordView& record, std::span<const std::byte> bytes) {
        if (record.type == Type::factor_enrolled || record.type == Type::factor_removed)
            factors.push_back({record.sequence, std::string{record.text("credential")}, {bytes.begin(), bytes.end()}});
        if (record.text("challenge") != challenge && record.text("elevation") != challenge)
            return;
        found.emplace(record.sequence, Bytes{bytes.begin(), bytes.end()});
        if (record.type == Type::proof_accepted)
            credentials.emplace(record.text("credential"));
    });
    if (!read)
        return read.error();
    if (found.empty())
        return Problem{errc::not_found, "no record in " + directory.string() + " names challenge \"" + challenge +
                                            "\"; `stepgate audit search --challenge` finds the id of a short code"};
    for (auto& factor : factors)
        if (credentials.contains(factor.credential))
            found.emplace(factor.sequence, std::move(factor.bytes));
    std::vector<Bytes> records;
    for (auto& [sequence, bytes] : found)
        records.push_back(std::move(bytes));
    return records;
}

/// A bundle as it stands in its file.
struct Bundle {
    std::string challenge, public_key;
    std::int64_t at_ns = 0;
    std::vector<Bytes> records;
    Signature signature{};
};

bool read_records(const json::object& object, std::vector<Bytes>& into)
{
    const auto* value = object.if_contains("records");
    const auto* list = value ? value->if_array() : nullptr;
    if (!list)
        return false;
    for (const auto& item : *list) {
        const auto* text = item.if_string();
        auto bytes = text ? from_base64url(*text) : std::nullopt;
        if (!bytes)
            return false;
        into.push_back(std::move(*bytes));
    }
    return true;
}

std::optional<Bundle> parse(const std::string& content)
{
    boost::system::error_code error;
    const json::value parsed = json::parse(content, error);
    const auto* object = error ? nullptr : parsed.if_object();
    if (!object || text_at(*object, "format") != format)
        return std::nullopt;
    Bundle bundle{text_at(*object, "challenge"), text_at(*object, "public_key"), 0, {}, {}};
    const auto* time = object->if_contains("time_ns");
    const auto signature = from_base64url(text_at(*object, "signature"));
    const bool whole = time && time->is_int64() && signature && signature->size() == bundle.signature.size() &&
                       read_records(*object, bundle.records);
    if (!whole)
        return std::nullopt;
    bundle.at_ns = time->get_int64();
    std::copy(signature->begin(), signature->end(), bundle.signature.begin());
    return bundle;
}

} // namespace

result<std::string> make_bundle(const std::filesystem::path& directory, const std::string& challenge)
{
    const auto journal = verify({directory, std::nullopt, std::nullopt});
    if (!journal)
        return journal.error();
    if (!journal->findings.empty())
        return Problem{errc::damaged, "the journal is not intact: stepgate audit verify says what is wrong"};
    const auto records = records_about(directory, challenge);
    if (!records)
        return records.error();
    const auto key = SigningKey::load(directory, false);
    if (!key)
        return key.error();
    const auto public_key = read_file(directory / "audit.pub");
    if (!public_key)
        return Problem{errc::io, "cannot read " + (directory / "audit.pub").string()};
    const std::int64_t now = to_ns(std::chrono::time_point_cast<TimePoint::duration>(std::chrono::system_clock::now()));
    const auto signature = key->sign(signed_part(challenge, now, *records));
    if (!signature)
        return Problem{errc::bad_key, "OpenSSL cannot sign"};
    json::array encoded;
    for (const Bytes& record : *records)
        encoded.emplace_back(to_base64url(record));
    return json::serialize(json::object{{"format", format},
                                        {"challenge", challenge},
                                        {"time_ns", now},
                                        {"public_key", *public_key},
                                        {"records", std::move(encoded)},
                                        {"signature", to_base64url(*signature)}}) +
           "\n";
}

result<BundleReport> verify_bundle(const std::filesystem::path& file,
                                   const std::optional<std::filesystem::path>& public_key)
{
    const auto content = read_file(file, largest_bundle);
    if (!content)
        return Problem{errc::io, "cannot read " + file.string() + ": " + content.error().message()};
    const auto bundle = parse(*content);
    if (!bundle)
        return Problem{errc::malformed, file.string() + " is not a bundle of stepgate audit export --bundle"};
    const auto key = public_key ? PublicKey::load(*public_key) : PublicKey::parse(bundle->public_key, file.string());
    if (!key)
        return key.error();

    BundleReport report;
    report.challenge = bundle->challenge;
    report.key = key->id();
    report.own_key = !public_key;
    const auto add = [&](FindingKind kind, std::uint64_t sequence, std::string message) {
        report.findings.push_back({kind, file.filename().string(), sequence, std::move(message)});
    };
    if (!key->verify(signed_part(bundle->challenge, bundle->at_ns, bundle->records), bundle->signature))
        add(FindingKind::signature, 0, "the bundle is not signed by the key " + key->id() + ", or it was changed");
    ReleaseCheck check{true, add, [&](const CheckedProof& proof) { report.proofs.push_back(proof); }};
    RecordView record;
    std::uint64_t last = 0;
    for (const Bytes& bytes : bundle->records) {
        if (!decode(bytes, record)) {
            add(FindingKind::malformed, 0, "a record is not in canonical form");
            continue;
        }
        if (record.sequence <= last)
            add(FindingKind::reordered, record.sequence, "the records are not in their order");
        last = record.sequence;
        check.apply(record);
        report.records.push_back(record_json(record));
    }
    return report;
}

} // namespace stepgate::proxy::audit
