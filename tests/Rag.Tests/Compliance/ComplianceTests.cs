using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Rag.Access;
using Rag.Audit;
using Rag.Compliance;
using Rag.Foundation;
using Rag.Storage;
using Rag.Storage.Leadership;

namespace Rag.Tests.Compliance;

public sealed class ComplianceOnSqlite() : ComplianceTests(Engine.Sqlite);

public sealed class ComplianceOnPostgres() : ComplianceTests(Engine.Postgres);

public abstract class ComplianceTests(Engine engine)
{
    private static readonly DateTimeOffset Start = new(2026, 3, 20, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_review_is_due_a_period_after_the_service_was_set_up_and_then_after_the_last_one()
    {
        var time = new FakeTimeProvider(Start);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        var term = await TermAsync(service, time);
        var reviews = service.Get<ReviewBook>();
        await reviews.BeginAsync(term, Cancel);
        var began = time.GetUtcNow();
        (await StatusAsync(reviews, "certificates")).Overdue.ShouldBeFalse();
        time.Advance(TimeSpan.FromDays(29));
        // Set up once: the leader's next look does not begin anew.
        await reviews.BeginAsync(await TermAsync(service, time), Cancel);
        (await StatusAsync(reviews, "certificates")).DueAt.ShouldBe(began.AddDays(30), TimeSpan.FromMinutes(1));
        time.Advance(TimeSpan.FromDays(2));
        (await StatusAsync(reviews, "certificates")).Overdue.ShouldBeTrue();
        var done = await reviews.DoneAsync("certificates", null, Cancel);
        var status = await StatusAsync(reviews, "certificates");
        (status.Overdue, status.DueAt, status.Last!.Id).ShouldBe((false, done.DoneAt.AddDays(30), done.Id));
    }

    [Fact]
    public async Task What_was_looked_at_is_kept_and_its_digest_is_on_the_audit_record()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var done = await service.Get<ReviewBook>().DoneAsync("access", "open mode is wanted here", Cancel);
        (done.State, done.Notes).ShouldBe((ReviewState.Attention, "open mode is wanted here"));
        var kept = await service.Get<ReviewBook>().GetAsync(done.Id, Cancel);
        kept.Evidence!.Findings.ShouldContain(f => f.What == "open mode");
        var record = (await service.Get<AuditQuery>().ListAsync(new(Action: "review.done"), Cancel)).Records.ShouldHaveSingleItem();
        record.Event.ToString()!.ShouldContain(done.EvidenceSha256);
    }

    [Fact]
    public async Task A_review_that_found_something_is_not_done_without_saying_what_was_decided()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var refused = await Should.ThrowAsync<RagException>(() => service.Get<ReviewBook>().DoneAsync("access", "  ", Cancel));
        (refused.Kind, refused.Remedy.Contains("--notes", StringComparison.Ordinal)).ShouldBe((ErrorKind.Invalid, true));
        (await Should.ThrowAsync<RagException>(() => service.Get<ReviewBook>().DoneAsync("none", "x", Cancel))).Kind.ShouldBe(ErrorKind.NotFound);
        (await StatusAsync(service.Get<ReviewBook>(), "access")).Last.ShouldBeNull();
    }

    [Fact]
    public async Task Every_review_has_something_to_look_at()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        foreach (var kind in ReviewKind.All)
        {
            var evidence = await service.Get<ReviewBook>().GatherAsync(kind.Name, Cancel);
            evidence.Summary.ShouldNotBeNullOrWhiteSpace(kind.Name);
            evidence.State.ShouldBeOneOf([.. ReviewState.All]);
        }
    }

    [Fact]
    public async Task Who_can_do_what_is_shown_with_keys_that_nobody_uses()
    {
        var time = new FakeTimeProvider(Start);
        await using var service = await TestService.StartAsync(settings: new() { ["Access:Mode"] = "keys", ["Access:MaxKeyDays"] = "366" }, engine: engine, time: time);
        var made = (await service.Get<ApiKeys>().CreateAsync(new("nightly ingest", ["writer"], Expires: "300d"), Cancel)).Key;
        (await service.Get<AccessReview>().ReportAsync(Cancel)).Review.Findings.ShouldContain(f => f.What == "administrators" && f.State == ReviewState.Attention);
        await service.Get<Grants>().AddAsync(new("user", "ada", "admin"), Cancel);
        var report = await service.Get<AccessReview>().ReportAsync(Cancel);
        report.Lines.ShouldContain(l => l.Principal.Contains("nightly ingest", StringComparison.Ordinal) && l.Role == "writer" && l.Where == "everywhere" && l.LastUsed == null);
        report.Review.Findings.ShouldNotContain(f => f.What == "unused keys");
        time.Advance(TimeSpan.FromDays(91));
        var later = (await service.Get<AccessReview>().ReportAsync(Cancel)).Review;
        later.Findings.Single(f => f.What == "unused keys").Detail.ShouldContain(made.Id);
        later.Findings.Single(f => f.What == "administrators").State.ShouldBe(ReviewState.InOrder);
    }

    [Fact]
    public async Task The_report_has_every_section_and_each_line_its_evidence()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        await service.PutAsync("handbook/backups.md", "# Backups\n\nBackups are made every night at two.");
        await service.AskAsync("When are backups made?");
        await service.Get<ReviewBook>().DoneAsync("certificates", null, Cancel);
        await service.Get<DataAccessLog>().FlushAsync(Cancel);
        var report = await service.Get<ReportMaker>().MakeAsync(Now(), Cancel);
        report.Complete.ShouldBeFalse();
        report.Sections.Select(s => s.Id).ShouldBe(
        [
            "administrative-actions", "privileged-access", "permission-changes", "sign-ins", "refusals", "data-changes", "data-access", "security-events",
            "access", "reviews", "audit-record", "backups", "objectives", "incidents", "certificates", "vulnerabilities",
        ]);
        report.Sections.ShouldAllBe(s => s.Requirement.Length > 0 && s.Summary.Length > 0 && s.Rows.All(r => r.Evidence.Length > 0 && r.Cells.Count == s.Columns.Count));
        Section(report, "administrative-actions").Rows.ShouldContain(r => r.Cells.Contains("review.done"));
        Section(report, "data-access").Rows.ShouldNotBeEmpty();
        Section(report, "data-changes").Rows.ShouldNotBeEmpty();
        Section(report, "vulnerabilities").State.ShouldBe(ReviewState.Unproven);
        (await service.Get<AuditQuery>().ListAsync(new(Action: "report.make"), Cancel)).Records.ShouldHaveSingleItem().Resource.ShouldBe($"report:{report.Id}");
    }

    [Fact]
    public async Task A_report_that_was_changed_in_the_record_is_not_shown()
    {
        await using var service = await TestService.StartAsync(engine: engine);
        var report = await service.Get<ReportMaker>().MakeAsync(Now(), Cancel);
        (await service.Get<ReportMaker>().GetAsync(report.Id, Cancel)).Id.ShouldBe(report.Id);
        await service.Get<Database>().WriteAsync(tx => tx.Connection!.ExecuteAsync("UPDATE compliance_reports SET body = REPLACE(body, 'in_order', 'attention')", transaction: tx), Cancel);
        (await Should.ThrowAsync<RagException>(() => service.Get<ReportMaker>().GetAsync(report.Id, Cancel))).Message.ShouldContain("is not what it was");
    }

    [Fact]
    public async Task The_month_before_has_one_report_as_soon_as_it_is_over()
    {
        var time = new FakeTimeProvider(Start);
        await using var service = await TestService.StartAsync(engine: engine, time: time);
        await service.Get<ReviewBook>().BeginAsync(await TermAsync(service, time), Cancel);
        var reports = service.Get<ReportMaker>();
        await reports.MakeDueAsync(await TermAsync(service, time), Cancel);
        (await reports.ListAsync(Cancel)).ShouldBeEmpty();
        time.Advance(TimeSpan.FromDays(12));
        await reports.MakeDueAsync(await TermAsync(service, time), Cancel);
        await reports.MakeDueAsync(await TermAsync(service, time), Cancel);
        var made = (await reports.ListAsync(Cancel)).ShouldHaveSingleItem();
        (made.Month, made.Complete).ShouldBe(("2026-03", true));
    }

    private static string Now() => TimeProvider.System.GetUtcNow().ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture);

    private static ReportSection Section(ComplianceReport report, string id) => report.Sections.Single(s => s.Id == id);

    private static async Task<ReviewStatus> StatusAsync(ReviewBook reviews, string name) => (await reviews.StatusAsync(Cancel)).Single(r => r.Name == name);

    /// <summary>The lease, which a clock that jumps ends.</summary>
    private static async Task<LeaderTerm> TermAsync(TestService service, FakeTimeProvider time)
    {
        for (int i = 0; i < 2_000; i++)
        {
            if (service.Get<Leader>().Term is { } term) return term;
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(5, Cancel);
        }
        throw new InvalidOperationException("Nobody leads.");
    }
}

public sealed class ReportTextTests
{
    private static readonly ComplianceReport Report = new(
        "r1", "2026-03", new(2026, 4, 1, 0, 0, 0, TimeSpan.Zero), "0.1.0", true, ReviewState.Attention, "note\n",
        [new("s", "<b>Title</b>", "\"Requirement\"", ReviewState.Attention, "A & B", ["One", "Two"], [new(["=HYPERLINK(\"http://x\")", "a,\"b\"\nc"], "<script>alert(1)</script>")], 3)]);

    [Fact]
    public void Html_runs_and_shows_nothing_that_a_text_brings_along()
    {
        string html = ReportHtml.Write(Report);
        html.ShouldNotContain("<script>");
        html.ShouldNotContain("<b>");
        html.ShouldContain("&lt;script&gt;alert(1)&lt;/script&gt;");
        html.ShouldContain("3 more are not shown");
        html.ShouldContain("default-src 'none'");
    }

    [Fact]
    public void Csv_quotes_what_must_be_quoted_and_has_no_formula()
    {
        var lines = ReportCsv.Write(Report).Split("\r\n");
        lines[0].ShouldBe("month,section,state,summary,columns,row,evidence");
        lines[1].ShouldStartWith("2026-03,s,attention,A & B,One | Two,\"'=HYPERLINK(\"\"http://x\"\") | a,\"\"b\"\"\nc\",");
    }

    [Theory]
    [InlineData("2026-3")]
    [InlineData("2026-13")]
    [InlineData("2026-05")]
    [InlineData("")]
    [InlineData(null)]
    public void What_is_no_month_that_has_begun_is_refused(string? text) =>
        Should.Throw<RagException>(() => ReportMonth.Parse(text, new(2026, 4, 30, 23, 59, 0, TimeSpan.Zero))).Kind.ShouldBe(ErrorKind.Invalid);

    [Fact]
    public void A_month_begins_with_its_first_moment_and_ends_before_the_next()
    {
        var month = ReportMonth.Parse("2024-02", new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        (month.From, month.To).ShouldBe((new(2024, 2, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2024, 3, 1, 0, 0, 0, TimeSpan.Zero)));
    }
}
