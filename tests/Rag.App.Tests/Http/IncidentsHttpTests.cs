using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Rag.App.Tests.Http;

/// <summary>Incidents over HTTP, from the alert to the postmortem.</summary>
public sealed class IncidentsHttpTests(HttpServer server) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>As Alertmanager 0.25 posts it: nanoseconds, an end in the year 1 while it fires, and fields that are not needed.</summary>
    private const string Payload =
        """
        {"receiver":"page","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DatabaseDown","job":"rag-system","replica":"replica-1","severity":"page"},
        "annotations":{"description":"replica-1 does not reach the database.","runbook_url":"docs/operations/runbook.md#databasedown","summary":"replica-1 does not reach the database"},
        "startsAt":"2026-03-03T12:00:00.123456789Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://127.0.0.1:9090/graph?g0.expr=1","fingerprint":"24c5e6f2a1b3d4c8"}],
        "groupLabels":{"alertname":"DatabaseDown"},"commonLabels":{"alertname":"DatabaseDown","severity":"page"},"commonAnnotations":{},"externalURL":"http://127.0.0.1:9093",
        "version":"4","groupKey":"{}:{alertname=\"DatabaseDown\"}","truncatedAlerts":0}
        """;

    [Fact]
    public async Task An_alert_becomes_an_incident_that_is_worked_on_until_its_postmortem()
    {
        var taken = await HttpServer.JsonAsync(await PostAsync("/admin/v1/alerts", Payload));
        string id = taken.GetProperty("incidents")[0].GetString()!;
        (await HttpServer.JsonAsync(await PostAsync("/admin/v1/alerts", Payload))).GetProperty("incidents").GetArrayLength().ShouldBe(0);
        var listed = (await GetAsync("/admin/v1/incidents")).GetProperty("incidents").EnumerateArray().Single(i => i.GetProperty("id").GetString() == id);
        (listed.GetProperty("severity").GetString(), listed.GetProperty("state").GetString(), listed.GetProperty("key").GetString()).ShouldBe(("P0", "open", "DatabaseDown"));
        (listed.GetProperty("deadline").GetDateTimeOffset() - listed.GetProperty("opened_at").GetDateTimeOffset()).ShouldBe(TimeSpan.FromMinutes(15));
        (await GetAsync("/admin/v1/status")).GetProperty("incidents").EnumerateArray().ShouldContain(i => i.GetProperty("id").GetString() == id);

        (await StepAsync(id, "acknowledge", null)).GetProperty("incident").GetProperty("state").GetString().ShouldBe("acknowledged");
        (await StepAsync(id, "assign", new { role = "devops-team" })).GetProperty("incident").GetProperty("assignee").GetString().ShouldBe("devops-team");
        (await StepAsync(id, "severity", new { severity = "P1" })).GetProperty("incident").GetProperty("severity").GetString().ShouldBe("P1");
        await StepAsync(id, "note", new { text = "the disk of the database is full" });
        await StepAsync(id, "action-items", new { text = "alert on the disk", role = "devops-team", due = "2026-05-01" });
        (await StepAsync(id, "resolve", new { text = "made room" })).GetProperty("incident").GetProperty("state").GetString().ShouldBe("resolved");
        (await StepAsync(id, "reopen", null)).GetProperty("incident").GetProperty("round").GetInt32().ShouldBe(2);
        await StepAsync(id, "resolve", null);
        var detail = await GetAsync($"/admin/v1/incidents/{id.ToLowerInvariant()}");
        detail.GetProperty("timeline").EnumerateArray().Select(t => t.GetProperty("kind").GetString()).ShouldContain("severity-changed");
        using var postmortem = await server.Http.GetAsync($"/admin/v1/incidents/{id}/postmortem", Cancel);
        postmortem.Content.Headers.ContentType!.MediaType.ShouldBe("text/markdown");
        string text = await postmortem.Content.ReadAsStringAsync(Cancel);
        text.ShouldStartWith($"# Postmortem of {id}: replica-1 does not reach the database");
        text.ShouldContain("| alert on the disk | devops-team | 2026-05-01 |");
    }

    [Theory]
    [InlineData("/admin/v1/alerts", "nonsense", HttpStatusCode.BadRequest)]
    [InlineData("/admin/v1/alerts", "{\"version\":\"3\",\"alerts\":[]}", HttpStatusCode.BadRequest)]
    [InlineData("/admin/v1/incidents", "{\"title\":\"\",\"severity\":\"P1\"}", HttpStatusCode.BadRequest)]
    [InlineData("/admin/v1/incidents", "{\"title\":\"x\",\"severity\":\"high\"}", HttpStatusCode.BadRequest)]
    [InlineData("/admin/v1/incidents/INC-00000000/acknowledge", "{}", HttpStatusCode.NotFound)]
    [InlineData("/admin/v1/contacts/test", "{\"role\":\"somebody\"}", HttpStatusCode.BadRequest)]
    public async Task What_is_wrong_is_a_problem_with_a_remedy(string path, string body, HttpStatusCode status)
    {
        using var response = await PostAsync(path, body);
        response.StatusCode.ShouldBe(status);
        (await HttpServer.JsonAsync(response)).GetProperty("remedy").GetString().ShouldNotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_body_past_its_bound_is_refused()
    {
        using var response = await PostAsync("/admin/v1/alerts", new string(' ', 5 * 1024 * 1024));
        response.StatusCode.ShouldBe(HttpStatusCode.RequestEntityTooLarge);
    }

    [Fact]
    public async Task Open_incidents_are_counted_by_severity_from_the_start()
    {
        string metrics = await server.Http.GetStringAsync("/metrics", Cancel);
        foreach (string severity in new[] { "P0", "P1", "P2", "P3" }) metrics.ShouldContain($"rag_incidents_open{{severity=\"{severity}\"}}");
        foreach (string channel in new[] { "email", "webhook", "pagerduty", "slack" }) metrics.ShouldContain($"rag_notifications_total{{channel=\"{channel}\",outcome=\"given_up\"}} 0");
    }

    private async Task<JsonElement> GetAsync(string path) => await HttpServer.JsonAsync(await server.Http.GetAsync(path, Cancel));

    private Task<HttpResponseMessage> PostAsync(string path, string json) => server.Http.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"), Cancel);

    private async Task<JsonElement> StepAsync(string id, string step, object? body)
    {
        using var response = body is null ? await server.Http.PostAsync($"/admin/v1/incidents/{id}/{step}", null, Cancel) : await server.Http.PostAsJsonAsync($"/admin/v1/incidents/{id}/{step}", body, Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.OK, await response.Content.ReadAsStringAsync(Cancel));
        return await HttpServer.JsonAsync(response);
    }
}
