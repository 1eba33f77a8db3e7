global using Rag.Testing.Console;
global using Shouldly;
global using Xunit;
