using System.Diagnostics;
using System.Text.Json;

namespace Rag.App.Tests.Cli;

/// <summary>The audit record on the command line, from what is done to what an auditor verifies without a server.</summary>
public sealed class AuditCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-cli-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_done_is_listed_proven_exported_and_verified_elsewhere()
    {
        (await RagAsync("collections", "create", "handbook")).Code.ShouldBe(0);
        (await RagAsync("collections", "delete", "handbook")).Code.ShouldBe(0);
        var list = await JsonAsync("audit", "list", "--action", "collection.*", "--resource", "collection:handbook");
        var records = list.GetProperty("records").EnumerateArray().ToList();
        records.Select(r => r.GetProperty("action").GetString()).ShouldBe(["collection.delete", "collection.put"]);
        string id = records[1].GetProperty("id").GetString()!;
        (await JsonAsync("audit", "show", id)).GetProperty("event").GetProperty("class_uid").GetInt32().ShouldBe(6003);
        (await JsonAsync("audit", "show", id, "--proof")).GetProperty("verified").GetBoolean().ShouldBeTrue();
        (await JsonAsync("audit", "verify")).GetProperty("intact").GetBoolean().ShouldBeTrue();

        File.WriteAllText(Path.Combine(_folder, "key"), (await RagAsync("audit", "key", "show")).Out);
        (await RagAsync("audit", "export", "--output", "audit.jsonl")).Code.ShouldBe(0);
        string checkpoints = Path.Combine(_folder, "checkpoints");
        Directory.Move(Path.Combine(_folder, "data", "audit", "checkpoints"), checkpoints);
        Directory.Delete(Path.Combine(_folder, "data"), recursive: true);
        var verified = await RagAsync("audit", "verify", "--export", "audit.jsonl", "--public-key", "key", "--checkpoints", "checkpoints");
        verified.Code.ShouldBe(0, verified.Out + verified.Err);
        verified.Out.ShouldContain("The record is what was signed.");
        Directory.Exists(Path.Combine(_folder, "data")).ShouldBeFalse();

        string export = Path.Combine(_folder, "audit.jsonl");
        File.WriteAllText(export, File.ReadAllText(export).Replace("collection.delete", "collection.forget", StringComparison.Ordinal));
        (await RagAsync("audit", "verify", "--export", "audit.jsonl", "--public-key", "key")).Code.ShouldBe(1);
        (await RagAsync("audit", "verify", "--export", "audit.jsonl")).Code.ShouldBe(2);
    }

    [Fact]
    public async Task A_person_is_held_erased_and_gone()
    {
        (await RagAsync("collections", "create", "handbook")).Code.ShouldBe(0);
        var record = (await JsonAsync("audit", "list", "--action", "collection.put", "--resource", "collection:handbook")).GetProperty("records")[0];
        string subject = record.GetProperty("subject").GetString()!;
        string hold = (await JsonAsync("audit", "hold", "add", "--reason", "a case", "--subject", subject)).GetProperty("id").GetString()!;
        var refused = await RagAsync("audit", "erase", subject);
        refused.Code.ShouldBe(1);
        refused.Err.ShouldContain(hold);
        (await RagAsync("audit", "hold", "remove", hold)).Code.ShouldBe(0);
        (await JsonAsync("audit", "erase", subject, "--reason", "asked for it")).GetProperty("records").GetInt64().ShouldBeGreaterThan(0);
        var erased = await JsonAsync("audit", "show", record.GetProperty("id").GetString()!);
        erased.GetProperty("erased").GetBoolean().ShouldBeTrue();
        erased.TryGetProperty("actor", out _).ShouldBeFalse();
        (await JsonAsync("audit", "verify")).GetProperty("intact").GetBoolean().ShouldBeTrue();
        (await JsonAsync("audit", "segments")).GetProperty("segments")[0].GetProperty("state").GetString().ShouldBe("open");
    }

    [Fact]
    public async Task PostgreSQL_without_an_audit_key_is_a_mistake_that_says_its_remedy()
    {
        var wrong = await RagAsync("config", "check", "--set", "Storage:Provider=postgres", "--set", "Storage:Postgres:ConnectionString=Host=127.0.0.1;Username=rag");
        wrong.Code.ShouldBe(1);
        wrong.Err.ShouldContain("Audit:KeyFile");
        wrong.Err.ShouldContain("rag audit key create");
        (await RagAsync("audit", "key", "create", "key.pem")).Code.ShouldBe(0);
        var right = await RagAsync("config", "check", "--set", "Storage:Provider=postgres", "--set", "Storage:Postgres:ConnectionString=Host=127.0.0.1;Username=rag", "--set", "Audit:KeyFile=key.pem");
        right.Code.ShouldBe(0, right.Err);
        (await RagAsync("config", "show", "--set", "Audit:KeyFile=key.pem")).Out.ShouldNotContain("PRIVATE KEY");
    }

    private async Task<JsonElement> JsonAsync(params string[] args)
    {
        var (code, output, errors) = await RagAsync([.. args, "--json"]);
        code.ShouldBe(0, output + errors);
        return JsonDocument.Parse(output).RootElement;
    }

    private async Task<(int Code, string Out, string Err)> RagAsync(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        foreach (string arg in (string[])[Path.Combine(AppContext.BaseDirectory, "rag.dll"), .. args]) start.ArgumentList.Add(arg);
        start.Environment["RAG__Inference__Provider"] = "none";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, await output, await errors);
    }
}
