#include "proxy/session/catalog_use.h"

#include "policies/rules/policy.h"
#include "policies/sensitivity/catalog_labels.h"
#include "proxy/session/catalog_change.h"

#include <algorithm>
#include <variant>

namespace stepgate::proxy::session
{

using policies::rules::MatchedFacts;
using policies::sensitivity::bare_name;
using policies::sensitivity::Copy;
using policies::sensitivity::LabelNames;
using policies::sensitivity::LabelSet;
using policies::sensitivity::Lineage;
using policies::statement::Facts;
using policies::statement::Kind;
using policies::statement::StatementFacts;
using policies::statement::TableAccess;

namespace
{

/// Rows of what is read may end up in what is written.
bool copies_rows(const StatementFacts& statement)
{
    return statement.does(Kind::insert) || statement.does(Kind::create) || statement.does(Kind::update) ||
           statement.does(Kind::merge);
}

bool makes(const StatementFacts& statement, const std::string& name, bool temporary)
{
    return std::ranges::any_of(statement.effects, [&](const auto& effect) {
        const auto* made = std::get_if<policies::statement::Redefine>(&effect);
        return made != nullptr && made->relation == name && made->temporary == temporary && !made->gone;
    });
}

/// A temporary object of the same name hides it, hid it or will: which statement of a text means which is not told.
bool makes_permanent(const Facts& facts, const std::string& name)
{
    return std::ranges::any_of(facts.statements,
                               [&name](const StatementFacts& statement) { return makes(statement, name, false); });
}

/// Nobody needs a snapshot to know what PostgreSQL's own relations are.
bool is_of_users(const TableAccess& access)
{
    return !access.table.starts_with("pg_catalog.") && !access.table.starts_with("information_schema.");
}

bool writes_to(const StatementFacts& statement, const std::string& table)
{
    return std::ranges::find(statement.writes, table, &TableAccess::table) != statement.writes.end();
}

} // namespace

void CatalogUse::attach(std::shared_ptr<upstream::DatabaseCatalog> database)
{
    database_ = std::move(database);
    seen_ = 0;
    (void)look();
}

bool CatalogUse::look()
{
    if (!database_ || database_->revision() == seen_)
        return false;
    auto now = database_->now(changes_);
    seen_ = now.revision;
    shared_ = std::move(now.view);
    touched_ = std::move(now.touched);
    missing_ = now.missing;
    gave_up_ = gave_up_ && touched_ != nullptr;
    make_view();
    return now.complete && !open_;
}

void CatalogUse::make_view()
{
    ++revision_;
    view_ = shared_;
    if (temporary_copies_.empty())
        return;
    static const Lineage nothing;
    view_.lineage =
        std::make_shared<const Lineage>((shared_.lineage ? *shared_.lineage : nothing).with(temporary_copies_));
    view_.revision = policies::sensitivity::next_view_revision();
}

bool CatalogUse::unsure(const Facts& facts) const
{
    if (!database_ || !touched_)
        return false;
    // MariaDB runs functions as it prepares a text, and one that is not understood may call any.
    return depends_on(facts, *touched_) || (!facts.parsed && is_mysql());
}

void CatalogUse::look_again(const Facts& facts)
{
    if (!database_)
        return;
    upstream::Touched absent;
    const auto add = [&](std::string_view name) {
        if (looked_again_.emplace(name).second)
            absent.names.emplace(name);
    };
    for (const StatementFacts& statement : facts.statements) {
        if (statement.object != "nothing")
            continue;
        if (statement.writes.empty())
            add(upstream::no_relation);
        for (const TableAccess& write : statement.writes)
            add(bare_name(write.table));
    }
    if (absent.empty())
        return;
    database_->end_change(database_->begin_change(absent));
    (void)look();
}

bool CatalogUse::missing(const Facts& facts) const
{
    return missing_ && (facts.uses_types || facts.searches_catalog || !facts.parsed ||
                        std::ranges::any_of(facts.statements, [](const auto& statement) {
                            return std::ranges::any_of(statement.reads, is_of_users) ||
                                   std::ranges::any_of(statement.writes, is_of_users);
                        }));
}

void CatalogUse::departs(const MatchedFacts& facts, const LabelNames& names, bool in_block, bool suspicious,
                         std::chrono::system_clock::time_point now)
{
    if (!database_)
        return;
    looked_again_.clear();
    for (const StatementFacts& statement : facts.facts->statements)
        note_temporary(statement);
    if (!facts.labels.empty() || !temporary_copies_.empty())
        note_copies(facts, names, now);
    // The drop of a temporary table is nobody else's business. Among several statements a later one may mean what the
    // name hid: then more is told than need be.
    const bool alone = facts.facts->statements.size() == 1;
    if (!alone)
        forget_dropped(*facts.facts);
    note_change(*facts.facts, in_block, suspicious);
    if (alone)
        forget_dropped(*facts.facts);
}

/// Others must know before the server can have done it. Within a transaction block they cannot see it yet, but they can
/// come to wait for its locks now, and see it when they get them: the names count at once. Where any name may be meant,
/// all would have to wait for as long as the block lasts: that counts when it may end.
void CatalogUse::note_change(const Facts& facts, bool in_block, bool suspicious)
{
    const auto change = change_of(facts, view_.catalog.get(), temporary_, suspicious);
    if (change.any) {
        open_ = true;
        own_.add(change.touched);
        ++revision_;
    }
    const bool stays = in_block && !may_end_transaction(facts);
    if (stays && !change.touched.names.empty())
        changes_.push_back(database_->begin_change({false, change.touched.names}));
    if (open_ && !stays && (change.any || changes_.empty() || own_.all))
        changes_.push_back(database_->begin_change(own_));
}

void CatalogUse::note_temporary(const StatementFacts& statement)
{
    for (const auto& effect : statement.effects) {
        const auto* made = std::get_if<policies::statement::Redefine>(&effect);
        if (made != nullptr && made->temporary && !made->relation.empty())
            temporary_.insert(made->relation);
    }
}

/// A name of which the temporary owner was dropped means again what it means to everybody.
void CatalogUse::forget_dropped(const Facts& facts)
{
    for (const StatementFacts& statement : facts.statements)
        for (const auto& effect : statement.effects)
            if (const auto* made = std::get_if<policies::statement::Redefine>(&effect); made != nullptr && made->gone)
                temporary_.erase(made->relation);
            else if (std::holds_alternative<policies::statement::DiscardTemporary>(effect))
                temporary_.clear();
}

void CatalogUse::keep_temporary(const std::function<bool(const std::string& name)>& there)
{
    std::erase_if(temporary_, [&there](const std::string& name) { return !there(name); });
    if (std::erase_if(temporary_copies_,
                      [&there](const Copy& copy) { return !there(std::string{bare_name(copy.table)}); }) > 0)
        make_view();
}

/// False: it was known.
bool CatalogUse::add_temporary(Copy copy)
{
    const bool known = std::ranges::any_of(temporary_copies_, [&copy](const Copy& other) {
        return other.table == copy.table && other.label == copy.label;
    });
    if (!known)
        temporary_copies_.push_back(std::move(copy));
    return !known;
}

void CatalogUse::note_copies(const MatchedFacts& facts, const LabelNames& names,
                             std::chrono::system_clock::time_point now)
{
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    std::vector<Copy> permanent;
    bool temporary = false;
    for (std::size_t i = 0; i < facts.statements.size(); ++i) {
        const StatementFacts& statement = facts.facts->statements[i];
        if (!copies_rows(statement))
            continue;
        LabelSet labels;
        for (std::size_t read = 0; read < statement.reads.size(); ++read)
            if (!writes_to(statement, statement.reads[read].table))
                labels |= facts.statements[i].reads[read];
        for (const TableAccess& write : statement.writes) {
            const std::string name{bare_name(write.table)};
            const bool here =
                makes(statement, name, true) || (temporary_.contains(name) && (is_mysql() || !write.schema_known));
            // A view has no columns here: it is followed to what it reads, but a temporary one is in no snapshot.
            const bool everywhere = !write.columns.empty() && (!here || makes_permanent(*facts.facts, name));
            for (const auto& label : names.names(labels)) {
                if (here)
                    temporary |= add_temporary({0, write.table, label, seconds});
                if (everywhere)
                    permanent.push_back({0, write.table, label, seconds});
            }
        }
    }
    temporary |= note_moves(facts, names, seconds, permanent);
    if (!permanent.empty())
        database_->record_copies(permanent);
    if (temporary)
        make_view();
}

bool CatalogUse::is_mysql() const
{
    return view_.catalog && !view_.catalog->contents().mysql.vendor.empty();
}

/// What has no number that stays (anything of MySQL's servers, a temporary relation of PostgreSQL's) is another table
/// when it is renamed, into which all of the rows went. True: temporary ones got labels.
bool CatalogUse::note_moves(const MatchedFacts& facts, const LabelNames& names, std::int64_t seconds,
                            std::vector<Copy>& copies)
{
    bool temporary = false;
    const bool mysql = is_mysql();
    const auto& index = facts.policy->label_index();
    const policies::sensitivity::CatalogLabels more{index, names, view_, {}};
    for (const StatementFacts& statement : facts.facts->statements) {
        for (const auto& effect : statement.effects) {
            const auto* made = std::get_if<policies::statement::Redefine>(&effect);
            if (made == nullptr || made->temporary == mysql)
                continue;
            for (const TableAccess& from : made->copies) {
                LabelSet labels = index.of(from, {});
                labels |= more.of(from);
                for (const auto& label : names.names(labels)) {
                    if (mysql)
                        copies.push_back({0, made->relation, label, seconds});
                    else
                        temporary |= add_temporary({0, made->relation, label, seconds});
                }
            }
        }
    }
    return temporary;
}

void CatalogUse::forget_temporary()
{
    temporary_.clear();
    temporary_copies_.clear();
    make_view();
}

void CatalogUse::idle()
{
    if (!open_)
        return;
    open_ = false;
    own_ = {};
    ++revision_;
    for (const auto change : changes_)
        database_->end_change(change);
    changes_.clear();
}

void CatalogUse::leave(std::int32_t backend)
{
    for (const auto change : changes_)
        database_->end_change(change, backend);
    changes_.clear();
    database_.reset();
}

} // namespace stepgate::proxy::session
