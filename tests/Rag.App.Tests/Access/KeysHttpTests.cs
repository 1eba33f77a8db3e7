using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Rag.Access;

namespace Rag.App.Tests.Access;

/// <summary>Keys over HTTP: what they open, how they end, what is said without one.</summary>
public sealed class KeysHttpTests(KeyedServer server) : IClassFixture<KeyedServer>
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_key_is_made_shown_once_rotated_and_revoked()
    {
        var admin = server.Client((await server.KeyAsync("admin")).Secret);
        using var made = await admin.PostAsJsonAsync("/admin/v1/keys", new { name = "ci", roles = new[] { "reader" }, groups = new[] { "staff" }, expires = "30d" }, Cancel);
        made.StatusCode.ShouldBe(HttpStatusCode.OK);
        var issued = await KeyedServer.JsonAsync(made);
        string secret = issued.GetProperty("secret").GetString()!, id = issued.GetProperty("key").GetProperty("id").GetString()!;
        issued.GetProperty("effective").GetBoolean().ShouldBeTrue();
        (await admin.GetStringAsync("/admin/v1/keys", Cancel)).ShouldNotContain(secret[13..]);
        (await StatusAsync("/v1/collections", secret)).ShouldBe(HttpStatusCode.OK);
        (await StatusAsync("/admin/v1/status", secret)).ShouldBe(HttpStatusCode.Forbidden);
        var me = await KeyedServer.JsonAsync(await server.Client(secret).GetAsync("/v1/me", Cancel));
        (me.GetProperty("kind").GetString(), me.GetProperty("name").GetString()).ShouldBe(("key", "ci"));
        using var rotated = await admin.PostAsJsonAsync($"/admin/v1/keys/{id}/rotate", new { overlap = "1h" }, Cancel);
        string second = (await KeyedServer.JsonAsync(rotated)).GetProperty("secret").GetString()!;
        (await StatusAsync("/v1/collections", secret), await StatusAsync("/v1/collections", second)).ShouldBe((HttpStatusCode.OK, HttpStatusCode.OK));
        using var revoked = await admin.DeleteAsync($"/admin/v1/keys/{id}", Cancel);
        revoked.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await StatusAsync("/v1/collections", secret), await StatusAsync("/v1/collections", second)).ShouldBe((HttpStatusCode.Unauthorized, HttpStatusCode.Unauthorized));
    }

    [Fact]
    public async Task Every_key_that_does_not_hold_is_told_the_same()
    {
        var revoked = await server.KeyAsync("admin");
        await server.Get<ApiKeys>().RevokeAsync(revoked.Key.Id, Cancel);
        var there = await server.KeyAsync("admin");
        var said = new HashSet<string>();
        foreach (string key in new[] { revoked.Secret, there.Secret[..^2] + "zz", ApiKey.Text("zzzzzzzz", ApiKey.NewSecret()), "rag_short", "x" })
        {
            using var response = await server.Client(key).GetAsync("/v1/collections", Cancel);
            response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
            response.Headers.WwwAuthenticate.Single().ToString().ShouldBe("Bearer realm=\"rag-system\", error=\"invalid_token\"");
            var problem = await KeyedServer.JsonAsync(response);
            problem.GetProperty("type").GetString().ShouldBe("urn:rag-system:problem:unauthenticated");
            said.Add(problem.GetProperty("detail").GetString() + problem.GetProperty("remedy").GetString());
        }
        said.Count.ShouldBe(1);
        using var nothing = await server.Client(null).GetAsync("/v1/collections", Cancel);
        nothing.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        nothing.Headers.WwwAuthenticate.Single().ToString().ShouldBe("Bearer realm=\"rag-system\"");
    }

    [Fact]
    public async Task Two_credentials_or_another_scheme_open_nothing()
    {
        string key = (await server.KeyAsync("admin")).Secret;
        var client = server.Client(null);
        using var twice = new HttpRequestMessage(HttpMethod.Get, "/v1/collections");
        twice.Headers.TryAddWithoutValidation("Authorization", ["Bearer " + key, "Bearer " + key]);
        (await client.SendAsync(twice, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        using var basic = new HttpRequestMessage(HttpMethod.Get, "/v1/collections") { Headers = { Authorization = new AuthenticationHeaderValue("Basic", key) } };
        (await client.SendAsync(basic, Cancel)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await StatusAsync($"/v1/collections?key={key}&access_token={key}", null)).ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Grants_are_given_and_taken_over_http()
    {
        var admin = server.Client((await server.KeyAsync("admin")).Secret);
        var auditor = await server.KeyAsync("auditor");
        using var made = await admin.PostAsJsonAsync("/admin/v1/access/grants", new { principal_kind = "key", principal = auditor.Key.Id, role = "reader", collection = "default" }, Cancel);
        made.StatusCode.ShouldBe(HttpStatusCode.OK);
        string id = (await KeyedServer.JsonAsync(made)).GetProperty("grant").GetProperty("id").GetString()!;
        (await StatusAsync("/v1/collections", auditor.Secret)).ShouldBe(HttpStatusCode.OK);
        (await admin.GetStringAsync("/admin/v1/access/grants", Cancel)).ShouldContain(id);
        (await admin.DeleteAsync($"/admin/v1/access/grants/{id}", Cancel)).StatusCode.ShouldBe(HttpStatusCode.OK);
        (await StatusAsync("/v1/collections", auditor.Secret)).ShouldBe(HttpStatusCode.Forbidden);
        (await admin.DeleteAsync($"/admin/v1/access/grants/{id}", Cancel)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task What_is_not_there_is_told_to_nobody_in_particular_and_health_to_everybody()
    {
        (await StatusAsync("/nothing/there", null)).ShouldBe(HttpStatusCode.NotFound);
        using var method = new HttpRequestMessage(HttpMethod.Patch, "/v1/ask");
        (await server.Client(null).SendAsync(method, Cancel)).StatusCode.ShouldBe(HttpStatusCode.MethodNotAllowed);
        foreach (string path in new[] { "/livez", "/health", "/readyz", "/startupz", "/app.css", "/sign-in" }) (await StatusAsync(path, null)).ShouldBe(HttpStatusCode.OK, path);
        (await StatusAsync("/metrics", null)).ShouldBe(HttpStatusCode.Unauthorized);
        string metrics = await server.Client((await server.KeyAsync("operator")).Secret).GetStringAsync("/metrics", Cancel);
        metrics.ShouldContain("rag_security_events_total{pattern=\"authentication_failed\"}");
        metrics.ShouldContain("rag_security_events_total{pattern=\"rate_limited\"} 0");
    }

    [Fact]
    public async Task A_command_of_the_runbook_may_do_what_whoever_pressed_the_button_may()
    {
        var operate = server.Client((await server.KeyAsync("operator")).Secret);
        using var started = await operate.PostAsJsonAsync("/admin/v1/runbook/runs", new { section = "cache-issues", by = "Ada" }, Cancel);
        string run = (await KeyedServer.JsonAsync(started)).GetProperty("id").GetString()!;
        var section = await KeyedServer.JsonAsync(await operate.GetAsync("/admin/v1/runbook/sections/cache-issues", Cancel));
        string step = section.GetProperty("steps").EnumerateArray().SelectMany(s => s.GetProperty("commands").EnumerateArray()).First(c => c.GetProperty("text").GetString()!.Contains("cache ping", StringComparison.Ordinal)).GetProperty("id").GetString()!;
        using var ran = await operate.PostAsJsonAsync($"/admin/v1/runbook/runs/{run}/steps/{step}", new { run = true }, Cancel);
        var evidence = await KeyedServer.JsonAsync(ran);
        ran.StatusCode.ShouldBe(HttpStatusCode.OK, evidence.ToString());
        evidence.GetProperty("output").GetString()!.ShouldNotContain("takes a key");
        evidence.GetProperty("output").GetString()!.ShouldNotContain("does not have the role");
    }

    private async Task<HttpStatusCode> StatusAsync(string path, string? key)
    {
        using var response = await server.Client(key).GetAsync(path, Cancel);
        return response.StatusCode;
    }
}
