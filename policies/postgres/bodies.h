#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/analyzer.h"
#include "policies/postgres/built_text.h"
#include "policies/postgres/session_state.h"
#include "policies/statement/facts.h"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace stepgate::policies::postgres
{

/// Something that a statement touches and that may have more behind it. Points into the catalog.
struct Touch {
    enum class Kind : unsigned char {
        read,
        write,
        call,
        index,  // its rows go into indexes and statistics again
        details // of errors come into a variable: values of any row that is written
    } kind = Kind::read;
    const catalog::Relation* relation = nullptr; // of a call: the one whose trigger it is, or null
    const catalog::Function* function = nullptr;
    std::vector<std::string> columns; // read or written; {"*"} all
    Constants arguments;              // of a call
    catalog::Events events = {};      // of a write; none: its definition changes, or it is dropped
    bool cascade = false;             // TRUNCATE … CASCADE
    bool planned = false;             // by EXPLAIN: rewritten, not run
    bool up = true, down = true;      // on to the parents, to the children
    bool ran = false;                 // by a function: planning may run it
    int context = inherit;            // number of the settings that a function runs under

    static constexpr int inherit = -1; // those of whatever leads there
};

/// All that a body does by itself; what it touches has more behind it.
struct Footprint {
    statement::StatementFacts facts;
    std::vector<std::string> opaque_reasons;
    std::vector<Touch> touches;
    std::vector<BuiltText> built; // of a function
};

/// One action of CREATE RULE.
struct RuleFootprint {
    catalog::Events events;
    Footprint footprint;
};

/// The key of another relation that a relation's rows must match.
struct Reference {
    const catalog::Relation* parent = nullptr;
    const std::vector<std::string>* parent_columns = nullptr;
    const std::vector<std::string>* child_columns = nullptr;
};

/// Compiled code of the server or of an extension that is known to do no more than compute.
[[nodiscard]] bool is_harmless_code(const catalog::Function& function);

/// What is behind the names of one catalog: bodies of views, functions, rules, policies, defaults and checks, each read
/// once and kept. One a thread; the catalog must outlive every call but not the object.
class Bodies
{
  public:
    Bodies(const catalog::Catalog& catalog, const Limits& limits);

    [[nodiscard]] const catalog::Catalog& catalog() const { return *catalog_; }
    /// Nothing is behind reading it, or changing its rows: the common case, and quick to tell.
    [[nodiscard]] bool plain_to_read(const catalog::Relation& relation) const;
    [[nodiscard]] bool plain_to_write(const catalog::Relation& relation) const;

    // References stay valid as long as the object.
    [[nodiscard]] const Footprint& view(const catalog::Relation& view);
    [[nodiscard]] const std::vector<const catalog::Relation*>& written_through(const catalog::Relation& view);
    [[nodiscard]] const Footprint& policies(const catalog::Relation& relation);
    /// Defaults, generated columns, checks, index expressions, domains, conditions of triggers.
    [[nodiscard]] const Footprint& values(const catalog::Relation& relation);
    /// Input, output and casts of the types that its columns have, and what its indexes compare them with.
    [[nodiscard]] const Footprint& types(const catalog::Relation& relation);
    /// What making its indexes and statistics anew computes for each row.
    [[nodiscard]] const Footprint& indexes(const catalog::Relation& relation);
    /// Its CHECKs, asked of the rows that are there; which of them are validated already, no catalog here says.
    [[nodiscard]] Footprint checked(const catalog::Relation& relation);
    [[nodiscard]] const std::deque<RuleFootprint>& rules(const catalog::Relation& relation);
    [[nodiscard]] const std::vector<Reference>& references(const catalog::Relation& relation) const;
    /// `trigger`: the relation it fires on; null: it is called.
    [[nodiscard]] const Footprint& function(const catalog::Function& function, int context,
                                            const catalog::Relation* trigger);
    /// What a function runs, once it is put together.
    [[nodiscard]] Footprint run(const BuiltText& built, const std::string& text);
    /// Views whose definition names the relation.
    [[nodiscard]] const std::vector<const catalog::Relation*>& views_over(const std::string& table);
    /// A type's own functions: of its input and output, its domain's checks, casts to it.
    void add_type(catalog::Oid type, Footprint& to, int depth = 0);
    /// The server runs code of users as soon as it reads the text: it turns literals into values of their types, and
    /// within an array, a row or a range a domain's CHECK looks at them then (coerce_type of a Const).
    [[nodiscard]] bool runs_when_prepared(const statement::Facts& facts);

    /// Settings as a number: equal for states that read every body alike. Call it before a statement is followed; what
    /// was kept for settings long gone may go then.
    [[nodiscard]] int begin(const SessionState& state);
    /// The state of code that runs beside `changes` of it: what comes first is not known.
    [[nodiscard]] static SessionState beside(const SessionState& state, const std::vector<statement::Effect>& changes);
    /// Settings as a number. `changing`: other code changes them meanwhile, so what a function's own settings are worth
    /// in whatever it calls is not known.
    [[nodiscard]] int context(const SessionState& state, bool changing = false);

    /// A body that no catalog holds: that of a DO block. `beside`: `state` is one of code that changes it.
    [[nodiscard]] Footprint block(std::string_view language, const std::string& body, const SessionState& state,
                                  bool beside = false);

  private:
    struct Traits {
        bool read_plain = true, write_plain = true;
    };
    struct Source; // a body and what its names mean
    [[nodiscard]] Footprint analyze(const Source& source, std::string text, const std::string& rows = {});
    [[nodiscard]] Footprint read_body(Source source, std::string_view language, const std::string& body);
    void read_again(const Source& source, SessionState& state, std::string_view language, const std::string& text,
                    Footprint& body);
    [[nodiscard]] Footprint read_plpgsql_body(Source source, const std::string& body);
    [[nodiscard]] static std::optional<std::string> constant_text(const std::string& select);
    [[nodiscard]] Footprint build(const catalog::Function& function, int context, const catalog::Relation* trigger);
    [[nodiscard]] bool has_code(catalog::Oid type, int depth = 0) const;
    [[nodiscard]] static const Footprint& too_much();
    void add_expression(Source source, const std::string& expression, Footprint& to);
    void add_call(catalog::Oid function, Footprint& to) const;
    void add_row_type(const SessionState& state, std::string_view relation, Footprint& to);

    const catalog::Catalog* catalog_;
    Limits limits_;
    std::size_t read_ = 0; // bytes of bodies since `begin`
    std::unordered_map<const catalog::Relation*, Traits> traits_;
    std::unordered_map<const catalog::Relation*, std::vector<Reference>> references_;
    std::unordered_map<const catalog::Relation*, std::unique_ptr<Footprint>> views_, policies_, values_, types_,
        indexes_;
    std::unordered_map<const catalog::Relation*, std::vector<const catalog::Relation*>> written_through_;
    std::unordered_map<const catalog::Relation*, std::deque<RuleFootprint>> rules_;
    std::optional<std::unordered_map<std::string, std::vector<const catalog::Relation*>>> views_over_;
    std::map<std::tuple<const catalog::Function*, int, const catalog::Relation*>, std::unique_ptr<Footprint>>
        functions_;
    std::map<std::string, int, std::less<>> context_numbers_; // by settings_key
    std::optional<Footprint> early_;                          // of all types whose values run code as they are read
    struct Context {
        SessionState state;
        bool changing = false;
    };
    std::deque<Context> contexts_;
};

/// Adds to a statement's facts what is behind the things it touches, to the end.
class Follower
{
  public:
    /// `ran`: for what functions do, if not `facts` as well.
    Follower(Bodies& bodies, statement::StatementFacts& facts, std::vector<std::string>& opaque_reasons,
             statement::StatementFacts* ran = nullptr)
        : bodies_(bodies), planned_(facts), ran_(ran != nullptr ? *ran : facts), to_(&facts), reasons_(opaque_reasons)
    {
    }
    /// `context`: of the session itself.
    void run(std::vector<Touch> touches, int context);
    /// What was found hangs on the values of constants.
    [[nodiscard]] bool constants_used() const { return constants_used_; }

  private:
    using Accesses = std::vector<statement::TableAccess>;
    void add(Touch touch, int context);
    void merge(const Footprint& footprint, int context);
    void read(const Touch& touch);
    void go_on(const Touch& touch, const Touch& way, Accesses& accesses);
    void handled(const catalog::Relation& relation);
    void write(const Touch& touch);
    void write_rows(const Touch& touch);
    void fire(const catalog::Trigger& trigger, const Touch& touch);
    void referencing(const Touch& touch);
    void call(const Touch& touch);
    void follow_all();
    void read_what_is_written();
    void run_built(const BuiltText& built, const Constants& arguments);
    void access(Accesses& accesses, const catalog::Relation& relation, std::vector<std::string> columns);
    [[nodiscard]] bool seen_read(const Touch& touch);
    [[nodiscard]] bool seen_write(const Touch& touch);

    Bodies& bodies_;
    statement::StatementFacts &planned_, &ran_, *to_; // `to_`: of the touch that is being followed
    bool running_ = false;                            // it is in a function
    int session_ = Touch::inherit;                    // context of `run`
    std::vector<std::string>& reasons_;
    std::deque<Touch> work_;
    // By relation, settings of the functions behind it, and how it was come to.
    std::map<std::tuple<const catalog::Relation*, int, int>, std::vector<std::string>> reads_;
    std::map<std::tuple<const catalog::Relation*, int, int>, int> writes_;
    std::map<std::tuple<const catalog::Function*, const catalog::Relation*, int, Constants>, bool> calls_;
    std::size_t steps_ = 0;
    std::size_t built_ = 0; // texts put together
    bool constants_used_ = false;
    bool takes_details_ = false;
};

} // namespace stepgate::policies::postgres
