using Rag.Testing.Access;

namespace Rag.App.Tests.Access;

/// <summary>Alone, because commands print to the console, which is everybody's.</summary>
[CollectionDefinition("access matrix", DisableParallelization = true)]
public sealed class AccessMatrixCollection;

[Collection("access matrix")]
public sealed class AccessMatrixTests(KeyedServer server) : IClassFixture<KeyedServer>
{
    [Fact]
    public async Task Every_route_and_every_command_lets_in_whom_the_table_names_and_nobody_else()
    {
        var outcome = await new AccessMatrix(server.App.Services, server.Address, CommandLine.Build).RunAsync(TestContext.Current.CancellationToken);
        outcome.Mismatches.ShouldBeEmpty();
        outcome.Routes.ShouldBeGreaterThan(80);
        outcome.Commands.ShouldBeGreaterThan(50);
    }
}
