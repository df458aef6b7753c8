#include "proxy/audit/verify.h"

#include "proxy/audit/head.h"
#include "proxy/audit/record_codec.h"
#include "proxy/audit/segment.h"
#include "proxy/audit/verify_releases.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace stepgate::proxy::audit
{

std::string_view to_string(FindingKind kind)
{
    switch (kind) {
    case FindingKind::unreadable:
        return "unreadable";
    case FindingKind::malformed:
        return "malformed";
    case FindingKind::changed:
        return "changed";
    case FindingKind::missing:
        return "missing";
    case FindingKind::reordered:
        return "reordered";
    case FindingKind::truncated:
        return "truncated";
    case FindingKind::signature:
        return "signature";
    case FindingKind::proof:
        return "proof";
    case FindingKind::release:
        return "release";
    }
    return "unknown";
}

namespace
{

constexpr std::int64_t worth_a_note_ns = 60'000'000'000; // threads hand in their records within moments

/// Walks the segments once. What breaks the chain at a record is known for sure only when its successor is read: if
/// that one's hash is still confirmed by the record after it, the earlier record is the changed one.
class Walk
{
  public:
    Walk(const VerifyOptions& options, const PublicKey& key,
         const boost::system::result<std::optional<LoadedHead>, Problem>& head)
        : options_(options), key_(key), head_(head ? *head : std::nullopt),
          head_problem_(head ? "" : head.error().message),
          releases_(
              !options.from,
              [this](FindingKind kind, std::uint64_t sequence, std::string message) {
                  add(kind, sequence, std::move(message));
              },
              [this](const CheckedProof& proof) { proof_holds(proof); })
    {
        report_.key = key.id();
    }

    VerifyReport run(const std::vector<SegmentFile>& segments)
    {
        for (std::size_t i = 0; i < segments.size(); ++i)
            segment(segments[i], i + 1 == segments.size());
        settle_suspicion(std::nullopt);
        finish();
        report_.proofs = releases_.proofs();
        report_.releases = releases_.releases();
        return std::move(report_);
    }

  private:
    void add(FindingKind kind, std::uint64_t sequence, std::string message)
    {
        if (report_.findings.size() < options_.max_findings)
            report_.findings.push_back({kind, file_, sequence, std::move(message)});
    }

    void proof_holds(const CheckedProof& proof)
    {
        report_.signed_proofs += proof.carries_signature ? 1 : 0;
        if (options_.list_proofs)
            report_.proof_list.push_back(proof);
    }

    void segment(const SegmentFile& file, bool last)
    {
        file_ = file.path.filename().string();
        ++report_.segments;
        auto opened = SegmentReader::open(file);
        if (!opened && !file.compressed && !std::filesystem::exists(file.path)) // compressed in this moment
            opened = SegmentReader::open({file.first, options_.directory / segment_name(file.first, true), true});
        if (!opened) {
            add(FindingKind::unreadable, file.first, opened.error().message);
            broken_ = true;
            expected_ = 0; // whatever comes next
            return;
        }
        SegmentReader reader = std::move(*opened);
        header(reader.header());
        std::span<const std::byte> bytes;
        auto status = SegmentReader::Status::end;
        while ((status = reader.next(bytes)) == SegmentReader::Status::record)
            record(bytes);
        switch (status) {
        case SegmentReader::Status::record:
        case SegmentReader::Status::end:
            return;
        case SegmentReader::Status::torn:
            if (last)
                report_.notes.push_back(file_ + " ends inside a record: a crash, or a proxy that is writing");
            else
                add(FindingKind::malformed, expected_, "the segment ends inside a record");
            break;
        case SegmentReader::Status::garbage:
            add(FindingKind::malformed, expected_, "what stands here is no record");
            break;
        case SegmentReader::Status::failed:
            add(FindingKind::unreadable, expected_, "the file cannot be read to its end");
            break;
        }
        broken_ = true;
    }

    void header(const SegmentHeader& header)
    {
        if (expected_ == 0 && !broken_) { // the first segment
            expected_ = header.first;
            previous_ = header.previous;
            const std::uint64_t wanted = options_.from.value_or(1);
            if (header.first > wanted)
                add(FindingKind::missing, wanted,
                    "records " + std::to_string(wanted) + " to " + std::to_string(header.first - 1) +
                        " are missing; if they were archived, verify --from " + std::to_string(header.first));
            else if (header.first == 1 && header.previous != Hash{})
                add(FindingKind::changed, 1, "the first segment's header does not start a chain");
            return;
        }
        if (expected_ != 0 && header.first > expected_) {
            add(FindingKind::missing, expected_,
                "records " + std::to_string(expected_) + " to " + std::to_string(header.first - 1) +
                    " are missing before this segment");
            settle_suspicion(std::nullopt);
            previous_ = header.previous;
        } else if (expected_ != 0 && header.first < expected_) {
            add(FindingKind::reordered, header.first, "the segment begins before the one in front of it ends");
        } else if (!broken_ && header.previous != previous_) {
            header_differs_ = true; // the header or the record in front of it: the first record tells
        }
        if (broken_)
            previous_ = header.previous;
        broken_ = false;
        expected_ = header.first;
    }

    void record(std::span<const std::byte> bytes)
    {
        const Hash hash = hasher_(bytes);
        if (!decode(bytes, record_)) {
            add(FindingKind::malformed, expected_, "what stands here is not a record in canonical form");
            settle_suspicion(std::nullopt);
            advance(expected_, hash);
            unchecked_link_ = true; // its own hash may still be the one that was written: say only once what is wrong
            return;
        }
        ++report_.records;
        const bool linked = record_.previous == previous_;
        settle_suspicion(linked);
        if (std::exchange(header_differs_, false) && linked)
            add(FindingKind::changed, expected_, "the segment's header does not continue the chain");
        const std::uint64_t at = place(linked);
        if (!linked && !unchecked_link_)
            suspect_ = at;
        unchecked_link_ = std::exchange(number_changed_, false); // told already: its hash will not be its successor's
        if (head_ && head_->head.sequence == at)
            head_seen_ = head_->head.hash == hash;
        follow_clock(at);
        if (record_.type == Type::checkpoint)
            checkpoint(linked);
        else
            releases_.apply(record_);
        advance(at, hash);
        last_clean_stop_ = record_.type == Type::checkpoint && record_.text("reason") == "stop";
    }

    /// Records stand in the order in which things happened; their times do not, where a clock was set.
    void follow_clock(std::uint64_t at)
    {
        const auto back = last_ns_ - record_.at_ns;
        if (back > worth_a_note_ns && ++ran_back_ == 1) {
            first_back_ = at;
            first_back_ns_ = back;
        }
        last_ns_ = record_.at_ns;
    }

    /// The number that the record should have, as far as can be told.
    std::uint64_t place(bool linked)
    {
        const std::uint64_t given = record_.sequence;
        if (given == expected_)
            return given;
        if (linked) { // it continues the chain: it is in its place, and only its number was changed
            add(FindingKind::changed, expected_,
                "record " + std::to_string(expected_) + " says that it is " + std::to_string(given));
            number_changed_ = true;
            return expected_;
        }
        if (given > expected_)
            add(FindingKind::missing, expected_,
                "after record " + std::to_string(expected_ - 1) + " comes record " + std::to_string(given));
        else
            add(FindingKind::reordered, given,
                "record " + std::to_string(given) + " stands where record " + std::to_string(expected_) + " belongs");
        gap_ = true;
        return given;
    }

    void advance(std::uint64_t sequence, const Hash& hash)
    {
        if (report_.first == 0)
            report_.first = sequence;
        report_.last = std::max(report_.last, sequence);
        expected_ = sequence + 1;
        previous_ = hash;
    }

    /// `linked`: does the record after the suspect hold the suspect's hash? nullopt: there is none.
    void settle_suspicion(std::optional<bool> linked)
    {
        if (!suspect_)
            return;
        const std::uint64_t suspect = *suspect_;
        suspect_.reset();
        if (std::exchange(gap_, false))
            return; // told already: a gap breaks the chain too
        if (linked.value_or(true))
            add(FindingKind::changed, suspect - 1,
                "record " + std::to_string(suspect - 1) + " is not the one that record " + std::to_string(suspect) +
                    " was chained to: it was changed or replaced");
        else
            add(FindingKind::changed, suspect,
                "record " + std::to_string(suspect) + " was changed: neither its link back nor the link to it holds");
    }

    void checkpoint(bool linked)
    {
        ++report_.checkpoints;
        const auto bytes = from_base64url(record_.text("signature"));
        Signature signature{};
        if (bytes && bytes->size() == signature.size())
            std::copy(bytes->begin(), bytes->end(), signature.begin());
        const bool good = bytes && bytes->size() == signature.size() && record_.session.empty() &&
                          record_.user.empty() &&
                          key_.verify(checkpoint_message(record_.sequence, record_.previous, record_.at_ns), signature);
        if (good) {
            last_signed_ = record_.sequence;
            return;
        }
        const std::string since = last_signed_ == 0 ? "the beginning" : "record " + std::to_string(last_signed_);
        add(FindingKind::signature, record_.sequence,
            record_.text("key") == key_.id()
                ? "the checkpoint's signature does not hold" +
                      std::string{linked ? ": something since " + since + " was rewritten" : ""}
                : "the checkpoint is signed with another key (" + std::string{record_.text("key")} + ") than " +
                      key_.id());
    }

    void finish()
    {
        if (!head_problem_.empty())
            add_head(FindingKind::changed, head_problem_);
        else if (head_)
            check_head();
        else if (report_.checkpoints > 0)
            add_head(FindingKind::truncated,
                     "head.json is missing: whether records were cut off at the end cannot be told");
        const std::uint64_t unsealed = report_.last - std::min(report_.last, last_signed_);
        if (unsealed > 0)
            report_.notes.push_back(std::to_string(unsealed) + (unsealed == 1 ? " record" : " records") +
                                    " after the last signed checkpoint are not sealed yet");
        if (ran_back_ > 0)
            report_.notes.push_back(
                "times run back " + (ran_back_ == 1 ? "once" : std::to_string(ran_back_) + " times, first") +
                " at record " + std::to_string(first_back_) + ", by " + std::to_string(first_back_ns_ / 1'000'000'000) +
                " s: a clock was set. What happened first stands first");
        if (!last_clean_stop_ && report_.records > 0)
            report_.notes.push_back("the journal does not end with a clean stop: a proxy is writing, or it was killed");
    }

    void add_head(FindingKind kind, std::string message, std::uint64_t sequence = 0)
    {
        file_ = "head.json";
        add(kind, sequence, std::move(message));
    }

    void check_head()
    {
        const Head& head = head_->head;
        if (!head_->signature_good)
            add_head(FindingKind::signature, "head.json is not signed by the key " + key_.id());
        else if (head.sequence > report_.last)
            add_head(FindingKind::truncated,
                     "the signed head knows records up to " + std::to_string(head.sequence) + ", the segments end at " +
                         std::to_string(report_.last),
                     report_.last + 1);
        else if (head_seen_ && !*head_seen_)
            add_head(FindingKind::changed,
                     "record " + std::to_string(head.sequence) + " is not the one that was signed", head.sequence);
    }

    const VerifyOptions& options_;
    const PublicKey& key_;
    const std::optional<LoadedHead> head_;
    const std::string head_problem_; // "" if it could be read
    VerifyReport report_;
    ReleaseCheck releases_;
    Hasher hasher_;
    RecordView record_;
    std::string file_;
    std::uint64_t expected_ = 0; // sequence number of the next record; 0: not known yet
    Hash previous_{};
    std::optional<std::uint64_t> suspect_; // its link back does not hold
    bool gap_ = false, number_changed_ = false, header_differs_ = false, unchecked_link_ = false, broken_ = false,
         last_clean_stop_ = false;
    std::optional<bool> head_seen_;
    std::uint64_t last_signed_ = 0;
    std::int64_t last_ns_ = 0, first_back_ns_ = 0; // times of records
    std::uint64_t ran_back_ = 0, first_back_ = 0;  // how often, and at which record first
};

} // namespace

boost::system::result<VerifyReport, Problem> verify(const VerifyOptions& options)
{
    auto key = PublicKey::load(options.public_key.value_or(options.directory / "audit.pub"));
    if (!key)
        return key.error();
    // The head first: whatever it knows is in the segments by then, also while a proxy writes.
    const auto head = load_head(options.directory, *key);
    auto segments = list_segments(options.directory);
    if (!segments)
        return segments.error();
    if (options.from) { // drop whole segments that end before it
        while (segments->size() > 1 && (*segments)[1].first <= *options.from)
            segments->erase(segments->begin());
    }
    Walk walk{options, *key, head};
    VerifyReport report = walk.run(*segments);
    const bool first_head = head && *head && (*head)->signature_good && (*head)->head.sequence == 0;
    if (first_head && report.checkpoints == 0) // whoever has kept that head can put it back
        report.findings.push_back({FindingKind::missing, "", 1,
                                   "no record is signed, and head.json is the one from before the first record: the "
                                   "first start was killed (the next one mends that), or the journal was wiped"});
    else if (segments->empty())
        report.findings.push_back({FindingKind::missing, "", 1, "there is no segment at all"});
    else if (options.from.value_or(0) > report.last) // or nothing would have been looked at, and found good
        report.findings.push_back({FindingKind::missing, "", *options.from,
                                   "there is no record " + std::to_string(*options.from) + "; the last one is " +
                                       std::to_string(report.last)});
    return report;
}

} // namespace stepgate::proxy::audit
