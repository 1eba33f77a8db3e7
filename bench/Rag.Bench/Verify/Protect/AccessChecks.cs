using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rag.App;
using Rag.Indexing;
using Rag.Testing.Access;

namespace Rag.Bench.Verify.Protect;

/// <summary>Who may reach which route and command.</summary>
internal static class AccessChecks
{
    public static IEnumerable<Check> All()
    {
        yield return new("access-matrix", "routes and commands that let in or refuse otherwise than the table written by hand, each asked by nobody, by keys that do not hold, and by a key of each role", Relation.AtMost, 0, MatrixAsync);
    }

    private static async Task<Measured> MatrixAsync(CheckContext context, CancellationToken ct)
    {
        string data = Directory.CreateTempSubdirectory("rag-matrix-").FullName;
        try
        {
            await using var app = RagServer.Build([.. AccessMatrix.Settings, new("Storage:DataDirectory", data)], LogLevel.Critical);
            app.Urls.Add("http://127.0.0.1:0");
            await RagServer.StartAsync(app, ct);
            await app.Services.GetRequiredService<IIndexer>().Ready.WaitAsync(ct);
            var outcome = await new AccessMatrix(app.Services, new(app.Urls.First()), CommandLine.Build).RunAsync(ct);
            await app.StopAsync(CancellationToken.None);
            string cases = string.Create(CultureInfo.InvariantCulture, $"{outcome.Cases} cases: {outcome.Routes} routes, {outcome.Commands} commands");
            return new(outcome.Mismatches.Count, outcome.Mismatches.Count == 0 ? cases : $"{cases}; {string.Join("; ", outcome.Mismatches.Take(10))}");
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }
}
