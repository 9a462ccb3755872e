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
