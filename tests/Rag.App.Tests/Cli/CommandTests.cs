using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Rag.App.Tests.Cli;

/// <summary>The executable as people run it: what it prints and how it ends.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-cli-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_folder, "data");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<(int Code, string Out, string Err)> RunAsync(params string[] args) => RunInAsync(new() { ["RAG__Inference__Provider"] = "none" }, args);

    private async Task<(int Code, string Out, string Err)> RunInAsync(Dictionary<string, string> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "rag.dll"));
        foreach (string arg in args) start.ArgumentList.Add(arg);
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    [Fact]
    public async Task What_monitors_load_is_written_to_a_folder()
    {
        var export = await RunAsync("slo", "export", "monitoring", "--alerts-to", "http://rag.internal:8080/", "--data", Data);
        export.Code.ShouldBe(0, export.Err);
        var files = Directory.GetFiles(Path.Combine(_folder, "monitoring"), "*", SearchOption.AllDirectories);
        export.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order().ShouldBe(files.Order());
        File.ReadAllText(Path.Combine(_folder, "monitoring/prometheus/alertmanager.yml")).ShouldContain("'http://rag.internal:8080/admin/v1/alerts'");
        File.ReadAllText(Path.Combine(_folder, "monitoring/prometheus/rag-system.rules.yml")).ShouldContain("alert: AvailabilityBurnFast");
        files.Count(f => f.EndsWith(".json", StringComparison.Ordinal)).ShouldBe(4);

        var wrong = await RunAsync("slo", "export", "monitoring", "--alerts-to", "rag.internal", "--data", Data);
        wrong.Code.ShouldBe(1);
        wrong.Err.ShouldContain("'rag.internal' is not an address");
    }

    [Fact]
    public async Task The_model_s_runtime_keeps_no_device_id_and_no_events_to_send()
    {
        Write("birds/heron.md", "# Herons\n\nHerons stand in shallow water.");
        string cache = Directory.CreateDirectory(Path.Combine(_folder, "cache")).FullName, home = Directory.CreateDirectory(Path.Combine(_folder, "home")).FullName;
        var run = await RunInAsync(new() { ["XDG_CACHE_HOME"] = cache, ["HOME"] = home }, "ingest", "birds", "--data", Data);
        run.Code.ShouldBe(0, run.Err);
        run.Out.ShouldContain("1 created");
        string[] kept = [.. Directory.GetFileSystemEntries(cache, "*", SearchOption.AllDirectories), .. Directory.GetFileSystemEntries(home, "*onnx*", SearchOption.AllDirectories)];
        kept.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_backup_is_made_verified_and_put_into_a_new_data_directory()
    {
        Write("birds/heron.md", "# Herons\n\nHerons stand in shallow water.");
        (await RunAsync("ingest", "birds", "--data", Data)).Code.ShouldBe(0);
        var create = await RunAsync("backup", "create", "--json", "--data", Data);
        create.Code.ShouldBe(0, create.Err);
        string id = JsonDocument.Parse(create.Out).RootElement.GetProperty("id").GetString()!;
        (await RunAsync("backup", "list", "--data", Data)).Out.ShouldContain("unverified");
        (await RunAsync("backup", "verify", "--all", "--data", Data)).Out.ShouldContain($"right    {id}");
        (await RunAsync("backup", "show", id, "--data", Data)).Out.ShouldContain("document_versions");
        string[] keys = ["--set", $"Backup:Directory={Data}/backups", "--set", $"Backup:KeyFile={Data}/backup-key.pem", "--set", $"Audit:KeyFile={Data}/audit/key.pem"];
        var restore = await RunAsync(["backup", "restore", id, "--data", Path.Combine(_folder, "new"), .. keys]);
        restore.Code.ShouldBe(0, restore.Err);
        restore.Out.ShouldContain("Restored 1 documents");
        (await RunAsync("ask", "Where do herons stand?", "--data", Path.Combine(_folder, "new"), "--set", $"Audit:KeyFile={Data}/audit/key.pem")).Out.ShouldContain("Herons stand in shallow water.");

        string key = Path.Combine(_folder, "key.pem");
        (await RunAsync("backup", "key", "create", key)).Code.ShouldBe(0);
        (await RunAsync("backup", "key", "create", key)).Err.ShouldContain("exists already");
        (await RunAsync("backup", "key", "rotate", key)).Code.ShouldBe(0);
        (await RunAsync("backup", "key", "list", key)).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(2);
        (await RunAsync("backup", "verify", "--data", Data)).Err.ShouldContain("Which backup is not said");
    }

    [Fact]
    public async Task Documents_go_in_are_asked_changed_and_removed()
    {
        Write("birds/heron.md", "# Herons\n\nHerons stand in shallow water.");
        Write("birds/egret.txt", "Egrets are white.");
        Write("birds/bad.pdf", "%PDF-1.7\nnot really");
        var ingest = await RunAsync("ingest", "birds", "--data", Data);
        ingest.Code.ShouldBe(1);
        ingest.Out.ShouldContain("birds/bad.pdf: broken:");
        ingest.Out.ShouldContain("2 created, 0 updated, 0 unchanged, 1 failed");

        File.Delete(Path.Combine(_folder, "birds/bad.pdf"));
        File.Delete(Path.Combine(_folder, "birds/egret.txt"));
        var sync = await RunAsync("ingest", "birds", "--sync", "--json", "--data", Data);
        sync.Code.ShouldBe(0, sync.Err);
        JsonDocument.Parse(sync.Out).RootElement.GetProperty("files").EnumerateArray().Select(f => f.GetProperty("status").GetString()).ShouldBe(["unchanged", "deleted"]);

        var ask = await RunAsync("ask", "Where do herons stand?", "--json", "--data", Data);
        ask.Code.ShouldBe(0, ask.Err);
        var answer = JsonDocument.Parse(ask.Out).RootElement;
        answer.GetProperty("answer").GetString().ShouldBe("Herons stand in shallow water.");
        var replay = await RunAsync("answers", "replay", answer.GetProperty("id").GetString()!, "--data", Data);
        (replay.Code, replay.Out.Contains("same")).ShouldBe((0, true), replay.Err);

        (await RunAsync("documents", "show", "birds/heron.md", "--text", "--data", Data)).Out.Trim().ShouldBe("Herons\n\nHerons stand in shallow water.");
        (await RunAsync("documents", "delete", "birds/heron.md", "--data", Data)).Code.ShouldBe(0);
        var after = await RunAsync("ask", "Where do herons stand?", "--data", Data);
        after.Out.ShouldContain("do not answer this question");
        (await RunAsync("index", "verify", "--data", Data)).Code.ShouldBe(0);
    }

    [Fact]
    public async Task The_cache_is_shown_and_cleared_without_Redis()
    {
        var ping = await RunAsync("cache", "ping", "--data", Data);
        (ping.Code, ping.Out.Contains("No Redis is configured")).ShouldBe((0, true), ping.Err);
        var stats = JsonDocument.Parse((await RunAsync("cache", "stats", "--json", "--data", Data)).Out).RootElement;
        stats.GetProperty("layers").GetArrayLength().ShouldBe(3);
        stats.TryGetProperty("redis", out _).ShouldBeFalse();
        (await RunAsync("cache", "clear", "--data", Data)).Code.ShouldBe(0);
    }

    [Fact]
    public async Task The_cache_commands_end_with_1_where_Redis_does_not_answer()
    {
        string away = $"Caching:Redis:Endpoints=127.0.0.1:{Rag.Testing.ChildServer.FreePort()}";
        var ping = await RunAsync("cache", "ping", "--data", Data, "--set", away);
        (ping.Code, ping.Out.Contains("silent")).ShouldBe((1, true), ping.Err);
        (await RunAsync("cache", "clear", "--data", Data, "--set", away)).Code.ShouldBe(1);
        if (!Rag.Testing.RedisServer.Installed) return;
        await using var redis = await Rag.Testing.RedisServer.StartAsync(TestContext.Current.CancellationToken);
        string there = $"Caching:Redis:Endpoints={redis.Endpoint}";
        var answered = JsonDocument.Parse((await RunAsync("cache", "ping", "--json", "--data", Data, "--set", there)).Out).RootElement.GetProperty("endpoints")[0];
        (answered.GetProperty("answers").GetBoolean(), answered.GetProperty("role").GetString()).ShouldBe((true, "primary"));
        await redis.CallAsync(TestContext.Current.CancellationToken, "SET", "rag:cache:1:question:0:x", "y");
        await redis.CallAsync(TestContext.Current.CancellationToken, "SET", "foreign", "y");
        var cleared = JsonDocument.Parse((await RunAsync("cache", "clear", "--json", "--data", Data, "--set", there)).Out).RootElement;
        cleared.GetProperty("redis_keys").GetInt64().ShouldBe(1);
        (await redis.CallAsync(TestContext.Current.CancellationToken, "GET", "foreign")).ShouldBe("y");
        JsonDocument.Parse((await RunAsync("cache", "stats", "--json", "--data", Data, "--set", there)).Out).RootElement.GetProperty("redis").GetProperty("keys").GetInt64().ShouldBe(0);
    }

    [Fact]
    public async Task Incidents_are_opened_listed_worked_on_and_written_up()
    {
        var opened = await RunAsync("incidents", "open", "Answers are slow", "--severity", "P1", "--json", "--data", Data);
        opened.Code.ShouldBe(0, opened.Err);
        string id = JsonDocument.Parse(opened.Out).RootElement.GetProperty("incident").GetProperty("id").GetString()!;
        (await RunAsync("incidents", "list", "--data", Data)).Out.ShouldContain($"{id}  P1  open");
        (await RunAsync("status", "--data", Data)).Out.ShouldContain(id);
        (await RunAsync("incidents", "acknowledge", id, "--data", Data)).Code.ShouldBe(0);
        (await RunAsync("incidents", "assign", id, "devops-team", "--data", Data)).Code.ShouldBe(0);
        (await RunAsync("incidents", "note", id, "added a replica", "--data", Data)).Code.ShouldBe(0);
        (await RunAsync("incidents", "resolve", id, "--data", Data)).Code.ShouldBe(0);
        (await RunAsync("incidents", "list", "--data", Data)).Out.ShouldContain("No incident is open.");
        (await RunAsync("incidents", "show", id, "--data", Data)).Out.ShouldContain("added a replica");
        (await RunAsync("incidents", "reopen", id, "--data", Data)).Code.ShouldBe(0);
        (await RunAsync("incidents", "postmortem", id, "--out", "postmortem.md", "--data", Data)).Code.ShouldBe(0);
        File.ReadAllText(Path.Combine(_folder, "postmortem.md")).ShouldStartWith($"# Postmortem of {id}: Answers are slow");
        (await RunAsync("incidents", "show", "INC-00000000", "--data", Data)).Code.ShouldBe(1);
    }

    [Fact]
    public async Task Contacts_are_tested_and_one_that_fails_ends_with_1()
    {
        var nobody = await RunAsync("incidents", "test-contact", "--data", Data);
        (nobody.Code, nobody.Out.Contains("NOBODY")).ShouldBe((1, true), nobody.Err);
        await using var inbox = Rag.Testing.HttpInbox.Start();
        string webhook = $"Contacts:OnCallEngineer:Webhook={inbox.Address}";
        var sent = await RunAsync("incidents", "test-contact", "on-call-engineer", "--data", Data, "--set", webhook);
        (sent.Code, sent.Out.Contains("sent"), inbox.All.Count).ShouldBe((0, true, 1), sent.Err);
        inbox.Answer = _ => (500, "broken");
        var failed = await RunAsync("incidents", "test-contact", "on-call-engineer", "--data", Data, "--set", webhook);
        (failed.Code, failed.Out.Contains("FAILED")).ShouldBe((1, true), failed.Err);
    }

    [Fact]
    public async Task Wrong_usage_ends_with_2_and_says_how_it_is_used()
    {
        var (code, _, err) = await RunAsync("ask");
        code.ShouldBe(2);
        err.ShouldContain("rag ask --help");
        (await RunAsync("frobnicate")).Code.ShouldBe(2);
    }

    [Fact]
    public async Task A_wrong_configuration_ends_with_1_and_names_every_key()
    {
        var (code, _, err) = await RunAsync("config", "check", "--set", "Storage:Provider=oracle", "--set", "Caching:Sise=1");
        code.ShouldBe(1);
        err.ShouldContain("Storage:Provider");
        err.ShouldContain("Caching:Sise");
        (await RunAsync("config", "check")).Code.ShouldBe(0);
        var shown = await RunAsync("config", "show", "--json", "--data", "elsewhere");
        JsonDocument.Parse(shown.Out).RootElement.EnumerateArray().Single(v => v.GetProperty("key").GetString() == "Storage:DataDirectory").GetProperty("from").GetString().ShouldBe("flag");
        JsonDocument.Parse(shown.Out).RootElement.EnumerateArray().Single(v => v.GetProperty("key").GetString() == "Inference:Provider").GetProperty("from").GetString().ShouldBe("environment");
    }

    [Fact]
    public async Task An_open_server_is_refused_on_an_address_that_others_reach()
    {
        foreach (string url in new[] { "http://0.0.0.0:18931", "http://*:18931", "http://192.0.2.1:18931" })
        {
            var (code, _, err) = await RunAsync("serve", "--urls", url, "--data", Data);
            code.ShouldBe(1);
            err.ShouldContain("loopback");
        }
    }

    [Fact]
    public async Task An_address_on_the_web_is_fetched_and_taken_in()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        await using var site = builder.Build();
        site.Urls.Add("http://127.0.0.1:0");
        site.MapGet("/page", () => Microsoft.AspNetCore.Http.Results.Content("<html><title>Birds</title><nav>Menu</nav><main><p>Herons stand in shallow water.</p></main></html>", "text/html"));
        await site.StartAsync(Cancel);
        string page = site.Urls.First() + "/page";
        (await RunAsync("ingest", page, "--data", Data)).Out.ShouldContain("1 created");
        var ask = await RunAsync("ask", "Where do herons stand?", "--json", "--data", Data);
        JsonDocument.Parse(ask.Out).RootElement.GetProperty("sources")[0].GetProperty("uri").GetString().ShouldBe(page);
        var absent = await RunAsync("ingest", page + "/absent", "--data", Data);
        absent.Code.ShouldBe(1);
        absent.Err.ShouldContain("could not be fetched");
        await site.StopAsync(Cancel);
    }

    [Fact]
    public async Task What_does_not_exist_is_named_with_a_remedy()
    {
        var (code, _, err) = await RunAsync("ingest", "absent-folder", "--data", Data);
        code.ShouldBe(1);
        err.ShouldContain("absent-folder");
        var server = await RunAsync("ask", "anything", "--server", "http://127.0.0.1:9");
        server.Code.ShouldBe(1);
        server.Err.ShouldContain("rag serve");
    }
}
