using System.Text.Json;

namespace Rag.Testing;

/// <summary>The official clients of OpenAI's interface and of the Model Context Protocol from npm, making the calls of <c>client-calls.mjs</c>.</summary>
public static class OfficialClients
{
    private const string Script = "client-calls.mjs";
    // The newest that Node 20, which Debian has, can run.
    private static readonly string[] Packages = ["openai@6.49.0", "@modelcontextprotocol/sdk@1.32.2"];

    /// <summary>What the calls gave, as the script names it.</summary>
    public static async Task<JsonElement> CallAsync(Uri server, string collection, string? key, CancellationToken ct)
    {
        string folder = await NpmFolder.WithAsync("clients", Packages, Script, ct);
        await using var node = ChildServer.Start(ChildServer.Find("node")!, [Path.Combine(folder, Script), server.ToString().TrimEnd('/'), collection, .. key is null ? [] : new[] { key }], workingDirectory: folder);
        await node.WaitForExitAsync(ct);
        string line = node.Output.Split('\n').LastOrDefault(l => l.StartsWith('{')) ?? throw new InvalidOperationException($"The clients ended with {node.ExitCode}: {node.Output}");
        return JsonDocument.Parse(line).RootElement.Clone();
    }
}
