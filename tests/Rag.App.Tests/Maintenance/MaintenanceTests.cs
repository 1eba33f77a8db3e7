using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Rag.App.Tests.Pages;

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

    private static async Task<string?> HeaderAsync(RunningServer server, string path)
    {
        using var response = await server.Http.GetAsync(path, Cancel);
        return response.Headers.TryGetValues("Rag-Maintenance", out var values) ? values.Single() : null;
    }
}
