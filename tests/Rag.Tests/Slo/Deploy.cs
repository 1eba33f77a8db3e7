using System.Runtime.CompilerServices;
using Rag.Testing;

namespace Rag.Tests.Slo;

/// <summary>The folder <c>deploy/</c> of this clone, and the tools that check what lies there.</summary>
internal static class Deploy
{
    public static string Root { get; } = FindRoot();

    public static string Folder => Path.Combine(Root, "deploy");

    public static string File(string path) => Path.Combine(Folder, path);

    /// <summary>The path of a tool; without it the test is skipped, and fails in continuous integration, which installs it.</summary>
    public static string Tool(string name)
    {
        if (ChildServer.Find(name) is { } path) return path;
        if (Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip($"{name} is not installed; './test' installs it.");
        throw new InvalidOperationException($"{name} is not installed, and continuous integration needs it.");
    }

    /// <summary>Runs a tool to its end and gives what it printed.</summary>
    /// <exception cref="InvalidOperationException">It ended with another code than 0; the message holds what it printed.</exception>
    public static Task<string> RunAsync(string tool, params string[] arguments) =>
        ChildServer.RunAsync(Tool(tool), arguments, TestContext.Current.CancellationToken);

    private static string FindRoot([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", "..", ".."));
}
