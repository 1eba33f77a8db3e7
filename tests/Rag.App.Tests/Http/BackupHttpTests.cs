using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Rag.App.Tests.Http;

/// <summary>Backups over HTTP.</summary>
public sealed class BackupHttpTests(HttpServer server) : IClassFixture<HttpServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_backup_is_made_followed_shown_verified_and_put_back()
    {
        await server.PutAsync("default", ("heron.txt", "Herons stand in shallow water."));
        var made = await RunAsync("", new { kind = "daily" });
        made.GetProperty("what").GetString().ShouldBe("create");
        string id = made.GetProperty("result").GetProperty("id").GetString()!;
        var listed = (await GetAsync("")).GetProperty("backups").EnumerateArray().Single(b => b.GetProperty("id").GetString() == id);
        listed.GetProperty("state").GetString().ShouldBe("complete");
        var shown = await GetAsync("/" + id);
        shown.GetProperty("tables").EnumerateArray().Single(t => t.GetProperty("table").GetString() == "documents").GetProperty("rows").GetInt64().ShouldBe(1);
        shown.GetProperty("left_out").GetProperty("leases").GetString().ShouldNotBeNullOrEmpty();

        (await RunAsync($"/{id}/verify", null)).GetProperty("result").GetProperty("rows").GetInt64().ShouldBeGreaterThan(0);
        (await GetAsync("/" + id)).GetProperty("backup").GetProperty("state").GetString().ShouldBe("verified");

        var refused = await RunAsync($"/{id}/restore", new { into = "empty" }, "failed");
        refused.GetProperty("remedy").GetString()!.ShouldContain("--into running");

        await server.PutAsync("default", ("heron.txt", "Herons fly at night."));
        (await RunAsync($"/{id}/restore", new { into = "running" })).GetProperty("result").GetProperty("documents").GetInt64().ShouldBe(1);
        (await HttpServer.JsonAsync(await server.AskAsync(new { question = "Where do herons stand?" }))).GetProperty("answer").GetString().ShouldBe("Herons stand in shallow water.");
        (await GetAsync("/operations")).GetProperty("operations").GetArrayLength().ShouldBeGreaterThanOrEqualTo(4);
    }

    [Theory]
    [InlineData("GET", "/00000000-0000-7000-8000-000000000000", null, HttpStatusCode.NotFound)]
    [InlineData("GET", "/..%2f..%2fetc", null, HttpStatusCode.NotFound)]
    [InlineData("GET", "/operations/none", null, HttpStatusCode.NotFound)]
    [InlineData("POST", "", """{"kind":"hourly"}""", HttpStatusCode.BadRequest)]
    [InlineData("POST", "/none/verify", "{}", HttpStatusCode.NotFound)]
    [InlineData("POST", "/none/restore", """{"into":"somewhere"}""", HttpStatusCode.BadRequest)]
    [InlineData("POST", "/restore-to-point", """{"at":"2026-01-01T00:00:00Z"}""", HttpStatusCode.UnsupportedMediaType)]
    public async Task What_cannot_be_done_is_a_problem_with_a_remedy(string method, string path, string? body, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), "/admin/v1/backups" + path);
        if (body is not null) request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var response = await server.Http.SendAsync(request, Cancel);
        response.StatusCode.ShouldBe(status);
        (await HttpServer.JsonAsync(response)).GetProperty("remedy").GetString().ShouldNotBeNullOrEmpty();
    }

    private async Task<JsonElement> GetAsync(string path) => await server.Http.GetFromJsonAsync<JsonElement>("/admin/v1/backups" + path, Cancel);

    private async Task<JsonElement> RunAsync(string path, object? body, string state = "done")
    {
        using var response = body is null ? await server.Http.PostAsync("/admin/v1/backups" + path, null, Cancel) : await server.Http.PostAsJsonAsync("/admin/v1/backups" + path, body, Cancel);
        response.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        string where = response.Headers.Location!.ToString();
        while (true)
        {
            var operation = await server.Http.GetFromJsonAsync<JsonElement>(where, Cancel);
            if (operation.GetProperty("state").GetString() == "running")
            {
                await Task.Delay(20, Cancel);
                continue;
            }
            operation.GetProperty("state").GetString().ShouldBe(state, operation.GetRawText());
            return operation;
        }
    }
}
