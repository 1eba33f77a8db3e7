using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Rag.App.Tests.Pages;
using Rag.Foundation;
using Rag.Maintenance;

namespace Rag.App.Tests.Maintenance;

/// <summary>What those who use the service are told of a maintenance window.</summary>
public sealed class MaintenanceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_page_has_a_banner_and_every_answer_a_header_until_it_is_cancelled()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        (await HeaderAsync(server, "/v1/collections")).ShouldBeNull();
        using var announced = await server.Http.PostAsJsonAsync("/admin/v1/maintenance/windows", new { title = "New disk", start = "2070-01-01T00:00:00Z", @for = "1h" }, Cancel);
        ((int)announced.StatusCode).ShouldBe(400);
        using var now = await server.Http.PostAsJsonAsync("/admin/v1/maintenance/windows", new { title = "Grüße <b>disk</b>", @for = "1h" }, Cancel);
        string id = (await now.Content.ReadFromJsonAsync<JsonElement>(Cancel)).GetProperty("window").GetProperty("id").GetString()!;
        string header = (await HeaderAsync(server, "/v1/collections")).ShouldNotBeNull();
        header.ShouldEndWith("; Gr??e <b>disk</b>");
        var times = header.Split(';')[0].Split('/').Select(t => DateTimeOffset.Parse(t, CultureInfo.InvariantCulture)).ToList();
        (times[1] - times[0]).ShouldBe(TimeSpan.FromHours(1));
        // Refusals say so, too; what machines ask does not.
        (await HeaderAsync(server, "/v1/collections/none")).ShouldBe(header);
        (await HeaderAsync(server, "/readyz")).ShouldBeNull();
        foreach (string page in (string[])["/", "/documents", "/operate", "/runbook", "/runbook/cache-issues"])
        {
            string html = await server.Http.GetStringAsync(page, Cancel);
            html.ShouldContain("Maintenance now:");
            html.ShouldNotContain("<b>disk</b>");
        }
        using (await server.Http.DeleteAsync($"/admin/v1/maintenance/windows/{id}", Cancel)) { }
        (await HeaderAsync(server, "/v1/collections")).ShouldBeNull();
        (await server.Http.GetStringAsync("/", Cancel)).ShouldNotContain("Maintenance now:");
    }

    [Fact]
    public async Task In_read_only_mode_what_writes_documents_is_refused_until_its_end_and_everything_else_is_served()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await server.AddAsync("default", "a.md", "The red fox lives at the northern pier.");
        var http = server.Http;
        using (var on = await http.PostAsJsonAsync("/admin/v1/maintenance/read-only", new { reason = "Größere <b>disk</b>", @for = "30m", owner = "Ada" }, Cancel)) on.EnsureSuccessStatusCode();
        string id = (await http.GetFromJsonAsync<JsonElement>("/v1/collections/default/documents", Cancel)).GetProperty("documents")[0].GetProperty("id").GetString()!;
        HttpRequestMessage[] writes =
        [
            new(HttpMethod.Post, "/v1/collections/default/documents") { Content = JsonContent.Create(new { uri = "b.txt", text = "The blue fox." }) },
            new(HttpMethod.Put, $"/v1/collections/default/documents/{id}") { Content = new StringContent("The green fox.") },
            new(HttpMethod.Delete, $"/v1/collections/default/documents/{id}"), new(HttpMethod.Put, "/v1/collections/new") { Content = JsonContent.Create(new { }) }, new(HttpMethod.Delete, "/v1/collections/default"),
        ];
        foreach (var write in writes)
        {
            using var refused = await http.SendAsync(write, Cancel);
            ((int)refused.StatusCode).ShouldBe(503, $"{write.Method} {write.RequestUri}");
            refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds.ShouldBeInRange(1_700, 1_801);
            var problem = await refused.Content.ReadFromJsonAsync<JsonElement>(Cancel);
            problem.GetProperty("type").GetString().ShouldBe("urn:rag-system:problem:read_only");
            problem.GetProperty("detail").GetString()!.ShouldContain("Größere");
            refused.Headers.GetValues("Rag-Read-Only").Single().ShouldEndWith("; Gr??ere <b>disk</b>; Ada");
        }
        using (var asked = await http.PostAsJsonAsync("/v1/ask", new { question = "Where does the red fox live?" }, Cancel))
        {
            var answer = await asked.Content.ReadFromJsonAsync<JsonElement>(Cancel);
            answer.GetProperty("outcome").GetString().ShouldBe("answered");
            using var rated = await http.PostAsJsonAsync($"/v1/answers/{answer.GetProperty("id").GetString()}/feedback", new { rating = 1 }, Cancel);
            ((int)rated.StatusCode).ShouldNotBe(503);
        }
        using (var window = await http.PostAsJsonAsync("/admin/v1/maintenance/windows", new { title = "New disk", @for = "1h" }, Cancel)) window.EnsureSuccessStatusCode();
        (await ReadOnlyMetricAsync(http)).ShouldBe("1");
        foreach (string page in (string[])["/", "/documents", "/operate", "/operate/maintenance", "/incidents", "/runbook"])
        {
            string html = await http.GetStringAsync(page, Cancel);
            html.ShouldContain("Read-only now:");
            html.ShouldNotContain("<b>disk</b>");
        }
        using (var off = await http.DeleteAsync("/admin/v1/maintenance/read-only", Cancel)) off.EnsureSuccessStatusCode();
        await server.AddAsync("default", "b.md", "The blue fox.");
        (await http.GetStringAsync("/", Cancel)).ShouldNotContain("Read-only now:");
        (await ReadOnlyMetricAsync(http)).ShouldBe("0");
    }

    [Fact]
    public async Task Every_route_that_writes_is_refused_in_read_only_mode_but_those_that_are_known_to_write_no_documents()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        var routes = server.Services.GetServices<EndpointDataSource>().SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Where(e => e.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == LoadClass.Writes).ToList();
        routes.Count(e => e.Metadata.GetMetadata<WritesDocuments>() is not null).ShouldBeGreaterThanOrEqualTo(8);
        routes.Where(e => e.Metadata.GetMetadata<WritesDocuments>() is null).Select(e => "/" + e.RoutePattern.RawText!.Trim('/')).Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(["/feedback", "/runbook/{slug}/runs", "/runbook/{slug}/runs/{id}/end", "/runbook/{slug}/runs/{id}/steps/{step}", "/v1/answers/{id}/feedback"]);
    }

    [Fact]
    public async Task The_commands_say_what_they_did_and_end_with_its_code()
    {
        await using var server = await RunningServer.StartAsync(("Inference:Provider", "none"));
        await server.AddAsync("default", "a.md", "The red fox lives at the northern pier.");
        var on = await RunAsync(server, "maintenance", "read-only", "on", "--reason", "New disk", "--for", "1h", "--owner", "Ada");
        (on.Code, on.Out.Contains("read-only", StringComparison.Ordinal), on.Out.Contains("Ada", StringComparison.Ordinal)).ShouldBe((0, true, true), on.Err);
        (await RunAsync(server, "database", "maintain", "--no-backup")).Err.ShouldContain("Read-only mode is on already.");
        (await RunAsync(server, "maintenance", "read-only", "off")).Out.ShouldContain("Writes are taken.");
        (await RunAsync(server, "maintenance", "read-only", "off")).Code.ShouldBe(1);
        var maintained = await RunAsync(server, "database", "maintain", "--for", "10m");
        maintained.Code.ShouldBe(0, maintained.Out + maintained.Err);
        foreach (string step in MaintenanceStepName.All) maintained.Out.ShouldContain(step);
        (await RunAsync(server, "maintenance", "run", "list")).Out.ShouldContain("done");
        (await RunAsync(server, "retention", "run", "--dry-run")).Out.ShouldContain("Nothing is due.");
        (await RunAsync(server, "retention", "run")).Out.ShouldContain("retention: done. Nothing was due.");
        (await RunAsync(server, "retention", "status")).Out.ShouldContain("provenance");
        (await RunAsync(server, "schedules", "list")).Out.ShouldContain("retention");
        (await RunAsync(server, "schedules", "run", "none")).Code.ShouldBe(1);
    }

    private static async Task<string> ReadOnlyMetricAsync(HttpClient http) =>
        (await http.GetStringAsync("/metrics", Cancel)).Split('\n').Single(l => l.StartsWith("rag_read_only", StringComparison.Ordinal)).Split(' ')[^1];

    private static async Task<(int Code, string Out, string Err)> RunAsync(RunningServer server, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string arg in (string[])[Path.Combine(AppContext.BaseDirectory, "rag.dll"), .. args, "--server", server.Url]) start.ArgumentList.Add(arg);
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }

    private static async Task<string?> HeaderAsync(RunningServer server, string path)
    {
        using var response = await server.Http.GetAsync(path, Cancel);
        return response.Headers.TryGetValues("Rag-Maintenance", out var values) ? values.Single() : null;
    }
}
