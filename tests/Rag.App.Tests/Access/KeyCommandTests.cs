using System.Diagnostics;
using System.Text.Json;

namespace Rag.App.Tests.Access;

/// <summary>Commands and their keys, as people run them.</summary>
public sealed class KeyCommandTests(KeyedServer server) : IClassFixture<KeyedServer>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rag-keys-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_first_key_is_made_beside_the_data_and_opens_the_server()
    {
        string data = Path.Combine(_folder, "data");
        var made = await RunAsync(null, "keys", "create", "first", "--role", "admin", "--data", data, "--set", "Access:Mode=keys");
        made.Code.ShouldBe(0, made.Err);
        made.Out.Trim().ShouldMatch("^rag_[a-z0-9]{8}_[A-Za-z0-9_-]{43}$");
        made.Err.ShouldContain("not shown again");
        var listed = await RunAsync(null, "keys", "list", "--json", "--data", data, "--set", "Access:Mode=keys");
        var key = JsonDocument.Parse(listed.Out).RootElement.GetProperty("keys")[0];
        // Whoever may open the data is an administrator, by the name that the system knows them by.
        key.GetProperty("created_by").GetString().ShouldBe($"local {Environment.UserName}");
        var whoami = await RunAsync(null, "access", "whoami", "--data", data, "--set", "Access:Mode=keys");
        whoami.Out.ShouldContain($"local {Environment.UserName}: admin");
    }

    [Fact]
    public async Task A_key_comes_from_a_file_or_the_environment_and_never_from_the_command_line()
    {
        var issued = await server.KeyAsync("reader");
        string file = Path.Combine(_folder, "key"), url = server.Address.ToString();
        await File.WriteAllTextAsync(file, issued.Secret + "\n", Cancel);
        (await RunAsync(null, "collections", "list", "--server", url)).Err.ShouldContain("takes a key");
        (await RunAsync(null, "collections", "list", "--server", url, "--key", file)).Code.ShouldBe(0);
        (await RunAsync(issued.Secret, "collections", "list", "--server", url)).Code.ShouldBe(0);
        var shown = await RunAsync(null, "collections", "list", "--server", url, "--key", issued.Secret);
        shown.Code.ShouldBe(1);
        shown.Err.ShouldContain("list of processes");
        shown.Err.ShouldNotContain(issued.Secret[13..]);
        var forbidden = await RunAsync(issued.Secret, "cache", "clear", "--server", url);
        forbidden.Code.ShouldBe(1);
        forbidden.Err.ShouldContain("does not have the role");
        (await RunAsync(null, "collections", "list", "--server", url, "--key", Path.Combine(_folder, "none"))).Err.ShouldContain("cannot be read");
    }

    private async Task<(int Code, string Out, string Err)> RunAsync(string? key, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "rag.dll"));
        foreach (string arg in args) start.ArgumentList.Add(arg);
        start.Environment["RAG__Inference__Provider"] = "none";
        start.Environment["COLUMNS"] = "400";
        start.Environment.Remove("RAG_KEY");
        if (key is not null) start.Environment["RAG_KEY"] = key;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(Cancel);
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        return (process.ExitCode, (await output).ReplaceLineEndings("\n"), System.Text.RegularExpressions.Regex.Replace(await errors, "\\s+", " "));
    }
}
