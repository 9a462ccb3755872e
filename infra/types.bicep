// Types that several templates share.

@export()
@description('Tags of every resource. azd finds an environment\'s resources by them.')
type Tags = {
  @description('Name of the azd environment.')
  'azd-env-name': string
}

@export()
@description('Settings of a program, as environment variables.')
type Settings = {
  @description('The value of a setting.')
  *: string
}

@export()
@description('How many instances a function app on Flex Consumption has, and how they are replaced.')
type FunctionScale = {
  @description('Always-ready instances for the blob triggers.')
  @minValue(0)
  alwaysReadyBlobInstances: int
  @description('If calls are answered: always-ready instances for HTTP requests, and as many for incoming calls.')
  @minValue(0)
  alwaysReadyAnsweringInstances: int
  @description('Maximum number of instances.')
  @minValue(40)
  @maxValue(1000)
  maximumInstanceCount: int
  @description('Memory of each instance, in MB.')
  instanceMemoryMB: 512 | 2048 | 4096
  @description('How Azure replaces instances when code or settings change: all at once, or in batches, which is a preview.')
  updateStrategy: 'Recreate' | 'RollingUpdate'
}
