using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using Rag.App.Tests.Http;
using Rag.App.Tests.Pages;
using Rag.Testing;
using static Microsoft.Playwright.Assertions;

namespace Rag.App.Tests.Runbook;

/// <summary>The runbook walked on the command line, over HTTP and in the browser, and a deployment watched.</summary>
public sealed class WalkTests(HttpServer server, Site site) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Url => server.Http.BaseAddress!.ToString().TrimEnd('/');

    private static async Task<(int Code, string Out, string Err)> RunAsync(params string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "rag"), args) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }

    [Fact]
    public async Task Sections_are_listed_and_printed_without_a_server()
    {
        var list = await RunAsync("runbook");
        list.Out.ShouldContain("\n  memory-leaks  (");
        var section = await RunAsync("runbook", "Cache issues");
        section.Code.ShouldBe(0, section.Err);
        section.Out.ShouldStartWith("### Cache issues");
        section.Out.ShouldContain("rag cache clear");
        (await RunAsync("runbook", "common-scenarios")).Out.ShouldContain("### Memory leaks");
        var wrong = await RunAsync("runbook", "memroy-leaks");
        (wrong.Code, wrong.Err.Contains("memory-leaks", StringComparison.Ordinal)).ShouldBe((1, true), wrong.Err);
        JsonDocument.Parse((await RunAsync("runbook", "--json")).Out).RootElement.GetProperty("sections").GetArrayLength().ShouldBeGreaterThan(40);
    }

    [Fact]
    public async Task A_walk_runs_what_reads_leaves_out_what_changes_and_is_recorded()
    {
        var walk = await RunAsync("runbook", "the-index-is-damaged", "--run", "--server", Url);
        walk.Code.ShouldBe(0, walk.Out + walk.Err);
        walk.Out.ShouldContain("| clean  default");
        walk.Out.ShouldContain("--yes 2 runs it");
        walk.Out.ShouldContain("# Runbook: The index is damaged or behind");

        var runs = JsonDocument.Parse((await RunAsync("runbook", "runs", "--json", "--server", Url)).Out).RootElement.GetProperty("runs");
        var run = runs.EnumerateArray().First(r => r.GetProperty("section").GetString() == "the-index-is-damaged-or-behind");
        (run.GetProperty("outcome").GetString(), run.GetProperty("steps").GetInt32()).ShouldBe(("done", 3));
        var shown = await RunAsync("runbook", "runs", "show", run.GetProperty("id").GetString()!, "--server", Url);
        shown.Out.ShouldContain("## Step 1: done");
        shown.Out.ShouldContain("clean  default");
        shown.Out.ShouldContain("## Step 2: skipped");
        // A yes without a step is no yes.
        (await RunAsync("runbook", "the-index-is-damaged", "--run", "--server", Url, "--yes")).Code.ShouldBe(2);
        var changed = await RunAsync("runbook", "the-index-is-damaged", "--run", "--server", Url, "--yes", "2", "--json");
        var step = JsonDocument.Parse(changed.Out).RootElement.GetProperty("steps")[1];
        (step.GetProperty("outcome").GetString(), step.GetProperty("exit_code").GetInt32()).ShouldBe(("done", 0), changed.Out + changed.Err);
        step.GetProperty("output").GetString()!.ShouldContain("position");
    }

    [Fact]
    public async Task A_walk_goes_on_without_the_server_that_is_its_reason()
    {
        var walk = await RunAsync("runbook", "redisdown", "--run", "--server", $"http://127.0.0.1:{ChildServer.FreePort()}");
        walk.Code.ShouldBe(1);
        walk.Out.ShouldContain("cannot be recorded now");
        walk.Out.ShouldContain("## Step 1: failed");
        walk.Out.ShouldContain("does not answer");
        walk.Err.ShouldContain("Keep what was printed");
    }

    [Fact]
    public async Task Programs_walk_over_http_and_the_server_runs_its_own_commands_that_read()
    {
        using var started = await server.Http.PostAsJsonAsync("/admin/v1/runbook/runs", new { section = "cache-issues", by = "program" }, Cancel);
        string id = (await HttpServer.JsonAsync(started)).GetProperty("id").GetString()!;
        using var ran = await server.Http.PostAsJsonAsync($"/admin/v1/runbook/runs/{id}/steps/1a", new { run = true }, Cancel);
        var evidence = await HttpServer.JsonAsync(ran);
        (evidence.GetProperty("outcome").GetString(), evidence.GetProperty("exit_code").GetInt32()).ShouldBe(("done", 0), evidence.ToString());
        evidence.GetProperty("output").GetString()!.ShouldContain("No Redis is configured");
        using var refused = await server.Http.PostAsJsonAsync($"/admin/v1/runbook/runs/{id}/steps/3", new { run = true }, Cancel);
        refused.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        using var told = await server.Http.PostAsJsonAsync($"/admin/v1/runbook/runs/{id}/steps/3", new { outcome = "done", command = "rag cache clear", exit_code = 0, note = "by hand" }, Cancel);
        told.StatusCode.ShouldBe(HttpStatusCode.OK);
        using var ended = await server.Http.PostAsJsonAsync($"/admin/v1/runbook/runs/{id}/end", new { outcome = "done" }, Cancel);
        var run = await HttpServer.JsonAsync(ended);
        run.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("step").GetString()).ShouldBe(["1a", "3"]);
        using var late = await server.Http.PostAsJsonAsync($"/admin/v1/runbook/runs/{id}/steps/2", new { outcome = "done" }, Cancel);
        late.StatusCode.ShouldBe(HttpStatusCode.Conflict);
        using var absent = await server.Http.GetAsync("/admin/v1/runbook/sections/nothing-like-it", Cancel);
        absent.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_section_is_walked_in_the_browser_with_and_without_scripts(bool scripts)
    {
        await using var visit = await site.VisitAsync("/runbook", o => o.JavaScriptEnabled = scripts);
        await visit.Page.GetByRole(AriaRole.Link, new() { Name = "Cache issues" }).First.ClickAsync();
        await visit.Page.GetByLabel("Your name").FillAsync("Ada");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Walk this section" }).ClickAsync();
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Run step 1a", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator("#step-1a .evidence")).ToContainTextAsync("No Redis is configured");
        await Expect(visit.Page.Locator("#step-1a .evidence")).ToContainTextAsync("done, exit code 0");
        // Nothing here runs what changes something.
        await Expect(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Run step 3", Exact = true })).ToHaveCountAsync(0);
        await visit.Page.GetByLabel("Step 3 is done").CheckAsync();
        await visit.Page.GetByLabel("Note on step 3").FillAsync("It was <b>corrupt</b>");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "Record step 3", Exact = true }).ClickAsync();
        await Expect(visit.Page.Locator("#step-3 .evidence")).ToContainTextAsync("It was <b>corrupt</b>");
        await visit.Page.GetByRole(AriaRole.Button, new() { Name = "End the run" }).ClickAsync();
        await Expect(visit.Page.Locator(".note.good")).ToContainTextAsync("by Ada");
        await Expect(visit.Page.GetByRole(AriaRole.Button, new() { Name = "Run step 1a", Exact = true })).ToHaveCountAsync(0);
        if (Environment.GetEnvironmentVariable("RAG_RUNBOOK_PICTURES") is { Length: > 0 } folder)
        {
            await visit.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, "runbook-section.png"), FullPage = true });
            await visit.Page.GotoAsync("/runbook");
            await visit.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, "runbook.png"), FullPage = true });
        }
        visit.ShouldBeQuiet();
    }

    [Fact]
    public async Task A_deployment_is_watched_for_a_short_time()
    {
        for (int i = 0; i < 150; i++) using (await server.Http.GetAsync("/v1/collections", Cancel)) { }
        var watching = RunAsync("deploy", "watch", "--for", "6s", "--before", "5m", "--json", "--server", Url);
        while (!watching.IsCompleted)
        {
            using (await server.Http.GetAsync("/v1/collections", Cancel)) { }
            await Task.Delay(10, Cancel);
        }
        var (code, output, progress) = await watching;
        code.ShouldBe(0, output + progress);
        var report = JsonDocument.Parse(output).RootElement;
        report.GetProperty("verdict").GetString().ShouldBe("PASSED", output);
        progress.ShouldContain("errors 0 % of ");
        (await RunAsync("deploy", "watch", "--for", "soon", "--server", Url)).Err.ShouldContain("not a length of time");
    }
}
